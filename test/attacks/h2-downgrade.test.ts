/**
 * HTTP/2 requests that are to become something else in HTTP/1: a length that is not that of the body, transfer
 * codings, line ends in every place, pseudo-header fields out of order, fields that belong to a connection. The
 * backend records every octet: it sees whole, canonical requests that were meant, and nothing else.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { AttackScene } from "../support/attack-scene.ts";
import { block, data, type FieldList, fragments, GET, headers, POST } from "../support/h2-dsl.ts";
import type { H2Attacker, RequestParts } from "../support/h2-attacker.ts";
import type { RecordedRequest } from "../support/recording-backend.ts";
import { suiteScope } from "../support/suite.ts";

/** Whatever is smuggled has this in it. */
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: smuggled.example\r\n\r\n";

const MALFORMED = /^RST PROTOCOL_ERROR$/;
const REFUSED = /^(RST PROTOCOL_ERROR|4\d\d|501)$/;

const scope = suiteScope();
let scene: AttackScene;
before(async () => {
  scene = await AttackScene.start(scope, {
    // Each case is one mistake, and none is to end the connection for their number.
    listener: {
      h2_security: { max_local_error_reset_streams: 1_000_000 },
      websocket: { h2_extended_connect: false },
    },
    config: { observability: { access_log: { enabled: true, path: "stdout" } } },
  });
});

interface Case {
  readonly what: string;
  readonly fields: FieldList;
  readonly parts?: RequestParts;
}

/** A request that nothing is wrong with. */
const GOOD: FieldList = replaced(":path", "/good");

/** What the backend got of others than the bystander, and of other requests than those. */
function arrived(since: number): RecordedRequest[] {
  const { requests } = scene.backend;
  return requests.slice(since).filter(({ target }) => target !== "/bystander" && target !== "/good");
}

function startLines(since: number): string[] {
  return arrived(since).map(({ message }) => message.startLine);
}

/** All octets that the backend has got so far. */
function upstreamBytes(): string {
  return scene.backend.streams.map((parts) => Buffer.concat(parts).toString("latin1")).join("\n--\n");
}

/** Each case gets an outcome like this, nothing of it arrives, and the connection goes on in step. */
async function refused(cases: readonly Case[], expected: RegExp = REFUSED): Promise<void> {
  const since = scene.backend.requests.length;
  await scene.withstands(async (attack) => {
    for (const tls of [true, false]) {
      const attacker = await scene.attacker(attack, { tls });
      for (const { what, fields, parts } of cases) {
        const outcome = await attacker.ask(fields, parts);
        assert.match(outcome, expected, what);
        assert.deepEqual(startLines(since), [], what);
      }
      assert.equal(await attacker.ask(GOOD), "200");
    }
  });
  assert.doesNotMatch(upstreamBytes(), /smuggled|injected/i);
  assert.deepEqual(scene.backend.violations, []);
}

function withField(name: string, value: string, base: FieldList = POST): FieldList {
  return [...base, [name, value]];
}

/** The fields with one of them set to another value. */
function replaced(name: string, value: string, base: FieldList = GET): FieldList {
  return base.map(([field, old]) => [field, field === name ? value : old] as const);
}

/** In front of, behind, and within. */
function spread(text: string, ...parts: readonly string[]): string[] {
  const middle = Math.ceil(text.length / 2);
  return parts.flatMap((part) => [
    part + text,
    text + part,
    text.slice(0, middle) + part + text.slice(middle),
  ]);
}

const BREAKS = ["\r\n", "\n", "\r", "\0", "\r\nx-injected: 1", "\nx-injected: 1", `\r\n\r\n${SMUGGLED}`];

describe("a length", { timeout: 60_000 }, () => {
  it("that is not that of the body makes the request malformed", async () => {
    const since = scene.backend.requests.length;
    await scene.withstands(async (attack) => {
      for (const [length, body] of [
        ["0", [SMUGGLED]],
        ["4", ["abc"]],
        ["4", ["abcde"]],
        ["4", ["ab", "cd", "e"]],
        ["1", ["", "ab"]],
        [String(2 ** 25), ["abc"]],
        ["00000000000000000000000000000004", ["abcde"]],
      ] as const) {
        const attacker = await scene.attacker(attack, { tls: true });
        const outcome = await attacker.ask(withField("content-length", length), { body });
        assert.match(outcome, MALFORMED, `${length}: ${body.join()}`);
        const withTrailers = await attacker.ask(withField("content-length", length), {
          body,
          trailers: [["x-end", "1"]],
        });
        assert.match(withTrailers, MALFORMED, `${length}: ${body.join()} and trailers`);
      }
      const bodiless = await scene.attacker(attack, { tls: true });
      assert.match(await bodiless.ask(withField("content-length", "4")), MALFORMED);
    });
    // What was on its way when the mistake showed was broken off. Some had all of their length by then, and no more.
    for (const { body } of arrived(since)) assert.match(body.toString(), /^(abcd)?$/);
    scene.backend.requests.length = since;
    assert.doesNotMatch(upstreamBytes(), /^GET \/smuggled/m);
    assert.deepEqual(scene.backend.violations, []);
  });

  it("that is no number, or two, is malformed", async () => {
    const lengths = [
      "+4",
      "-4",
      "4 ",
      " 4",
      "4,4",
      "4, 4",
      "0x4",
      "4.0",
      "4e0",
      "",
      "4;",
      "٤",
      "4\0",
      "99999999999999999999",
    ];
    const cases: Case[] = lengths.map((length) => ({
      what: `length ${JSON.stringify(length)}`,
      fields: withField("content-length", Buffer.from(length).toString("latin1")),
      parts: { body: ["abcd"] },
    }));
    cases.push({
      what: "two lengths",
      fields: [...POST, ["content-length", "4"], ["content-length", "5"]],
      parts: { body: ["abcd"] },
    });
    await refused(cases, MALFORMED);
  });
});

describe("a transfer coding", { timeout: 60_000 }, () => {
  const values = [
    "chunked",
    "Chunked",
    "identity",
    "",
    "gzip, chunked",
    "xchunked",
    "chunked, identity",
    "chunked\t",
    " chunked",
    "\x0bchunked",
    "chunked;q=1",
    '"chunked"',
  ];
  const body = [`0\r\n\r\n${SMUGGLED}`];

  it("is malformed, whatever its value", async () => {
    const cases = values.map((value) => ({
      what: JSON.stringify(value),
      fields: withField("transfer-encoding", value),
      parts: { body },
    }));
    cases.push({
      what: "with a length",
      fields: [...POST, ["content-length", String(body[0]?.length)], ["transfer-encoding", "chunked"]],
      parts: { body },
    });
    await refused(cases, MALFORMED);
  });

  it("under another spelling of the name is refused", async () => {
    const names = [
      "Transfer-Encoding",
      "TRANSFER-ENCODING",
      "transfer-encodinG",
      "transfer_encoding",
      "transfer encoding",
      "transfer-encoding:",
      "transfer-encoding: chunked\r\nx",
      "x: y\r\ntransfer-encoding",
      "x\ntransfer-encoding",
      "x\rtransfer-encoding",
      "x\0transfer-encoding",
      ...spread(
        "transfer-encoding",
        " ",
        "\t",
        "\0",
        "\x0b",
        "\x0c",
        "\x7f",
        "\x80",
        "\xa0",
        "\xff",
        "\r",
        "\n",
      ),
    ];
    await refused(
      names.map((name) => ({
        what: JSON.stringify(name),
        fields: withField(name, "chunked"),
        parts: { body },
      })),
    );
  });

  it("in trailers is malformed", async () => {
    const since = scene.backend.requests.length;
    await refusedTrailers([["transfer-encoding", "chunked"]], since);
    await refusedTrailers([["content-length", "4"]], since, /^(RST PROTOCOL_ERROR|200)$/);
  });
});

/** The stream is reset; whatever has gone upstream is broken off, or does not have the field. */
async function refusedTrailers(trailers: FieldList, since: number, expected = MALFORMED): Promise<void> {
  await scene.withstands(async (attack) => {
    const attacker = await scene.attacker(attack, { tls: true });
    const outcome = await attacker.ask(POST, { body: ["abc"], trailers });
    assert.match(outcome, expected, JSON.stringify(trailers));
  });
  for (const { message } of arrived(since)) assert.deepEqual(message.trailers, [], JSON.stringify(trailers));
  scene.backend.requests.length = since;
  assert.doesNotMatch(upstreamBytes(), /smuggled|injected/i);
  assert.deepEqual(scene.backend.violations, []);
}

describe("CR, LF and NUL", { timeout: 60_000 }, () => {
  const cases: Record<string, Case[]> = {
    "a value": spread("value", ...BREAKS).map((value) => ({
      what: value,
      fields: withField("x-field", value, GET),
    })),
    "a name": spread("x-name", ...BREAKS).map((name) => ({ what: name, fields: withField(name, "v", GET) })),
    ":path": spread("/path", ...BREAKS, " HTTP/1.1\r\nx-injected: 1\r\nx: ").map((path) => ({
      what: path,
      fields: replaced(":path", path),
    })),
    ":method": spread("GET", ...BREAKS, " /smuggled HTTP/1.1\r\nx: ").map((method) => ({
      what: method,
      fields: replaced(":method", method),
    })),
    ":authority": spread("example.com", ...BREAKS, "\r\nHost: smuggled.example").map((host) => ({
      what: host,
      fields: replaced(":authority", host),
    })),
    host: spread("example.com", ...BREAKS).map((host) => ({
      what: host,
      fields: withField(
        "host",
        host,
        GET.filter(([name]) => name !== ":authority"),
      ),
    })),
    ":scheme": spread("https", ...BREAKS, "://x/ HTTP/1.1\r\nx-injected: 1\r\n").map((scheme) => ({
      what: scheme,
      fields: replaced(":scheme", scheme),
    })),
    "a crumb of a cookie": spread("a=1", ...BREAKS).map((crumb) => ({
      what: crumb,
      fields: [...GET, ["cookie", "b=2"], ["cookie", crumb], ["cookie", "c=3"]],
    })),
    "other fields that are looked at": [
      "content-type",
      "authorization",
      "expect",
      "te",
      "x-forwarded-for",
      "forwarded",
      "priority",
      "grpc-timeout",
      "user-agent",
      "via",
    ].flatMap((name) =>
      BREAKS.map((text) => ({ what: `${name}: ${text}`, fields: withField(name, `a${text}b`, GET) })),
    ),
  };
  for (const [place, list] of Object.entries(cases)) {
    it(`in ${place} never reach the backend`, async () => {
      await refused(list.map((each) => ({ ...each, what: JSON.stringify(each.what) })));
    });
  }

  it("in trailers never reach the backend", async () => {
    const since = scene.backend.requests.length;
    for (const text of BREAKS) {
      await refusedTrailers([["x-end", `a${text}b`]], since);
      await refusedTrailers([[`x-end${text}`, "a"]], since);
    }
    await refusedTrailers([["x-end: 1\r\nx-injected", "1"]], since);
    await refusedTrailers([[":path", "/smuggled"]], since);
    await refusedTrailers([[":status", "200"]], since);
    await refusedTrailers([["Upper", "1"]], since);
    await refusedTrailers([["", "1"]], since);
  });

  it("as the only thing that is not allowed in a name: colons, spaces, other octets", async () => {
    const octets = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet));
    const bad = octets.filter((octet) => !/[a-z0-9!#$%&'*+.^`|~-]/.test(octet));
    // An underscore is a token, and refused by policy.
    await refused(
      bad.map((octet) => ({ what: JSON.stringify(octet), fields: withField(`x${octet}y`, "v", GET) })),
    );
  });

  it("and other controls at the ends of values are malformed", async () => {
    const values = [" v", "v ", "\tv", "v\t", " "];
    await refused(
      values.map((value) => ({ what: JSON.stringify(value), fields: withField("x-field", value, GET) })),
      MALFORMED,
    );
  });
});

describe("pseudo-header fields", { timeout: 60_000 }, () => {
  const without = (name: string): FieldList => GET.filter(([field]) => field !== name);

  it("that are missing, twice, unknown, late or empty make the request malformed", async () => {
    const cases: Case[] = [
      ...[":method", ":scheme", ":path"].map((name) => ({ what: `no ${name}`, fields: without(name) })),
      ...GET.map(([name, value]) => ({
        what: `${name} twice`,
        fields: [...GET, [name, value]] as FieldList,
      })),
      ...GET.map(([name, value]) => ({
        what: `${name} late`,
        fields: [...without(name), ["x", "y"], [name, value]] as FieldList,
      })),
      { what: ":status", fields: [...GET, [":status", "200"]] },
      { what: "unknown", fields: [...GET, [":unknown", "x"]] },
      { what: "only a colon", fields: [...GET, [":", "x"]] },
      { what: "upper case", fields: [...without(":path"), [":Path", "/"]] },
      {
        what: ":protocol, not announced",
        fields: [[":method", "CONNECT"], ...GET.slice(1), [":protocol", "websocket"]],
      },
      { what: ":protocol without CONNECT", fields: [...GET, [":protocol", "websocket"]] },
      { what: "empty :method", fields: replaced(":method", "") },
      { what: "empty :path", fields: replaced(":path", "") },
      { what: "empty :scheme", fields: replaced(":scheme", "") },
      { what: ":path without a slash", fields: replaced(":path", "smuggled") },
      { what: "an absolute :path", fields: replaced(":path", "http://smuggled.example/") },
      { what: ":path with a fragment", fields: replaced(":path", "/smuggled#x") },
      { what: ":path with a space", fields: replaced(":path", "/smuggled HTTP/1.1") },
      { what: ":path with a tab", fields: replaced(":path", "/smuggled\tHTTP/1.1") },
      { what: ":path with octets above ASCII", fields: replaced(":path", "/smuggled\xff") },
      { what: "GET *", fields: replaced(":path", "*") },
      { what: "CONNECT with :path", fields: replaced(":method", "CONNECT") },
      { what: "CONNECT without :authority", fields: [[":method", "CONNECT"]] },
      { what: "nothing", fields: [] },
      { what: "a method with a space", fields: replaced(":method", "GET /smuggled HTTP/1.1") },
      { what: "a method of 1,000 letters", fields: replaced(":method", "M".repeat(1000)) },
      ...["ftp", "file", "javascript", "https://smuggled.example", "htt", "http "].map((scheme) => ({
        what: `:scheme ${scheme}`,
        fields: replaced(":scheme", scheme),
      })),
    ];
    await refused(cases, MALFORMED);
  });

  it("that name no host, or two, are refused", async () => {
    const hosts = [
      "",
      "user@example.com",
      "user:pw@example.com",
      "example.com:99999",
      "example.com:8x",
      "example.com/smuggled",
      "a b",
      "a,b",
      "[::1",
      "a\\b",
      "a?b",
      "a#b",
      "a%00b",
      "example.com:80:80",
      "\xe4.example",
    ];
    await refused([
      ...hosts.map((host) => ({ what: `:authority ${host}`, fields: replaced(":authority", host) })),
      ...hosts.map((host) => ({
        what: `host ${host}`,
        fields: withField("host", host, without(":authority")),
      })),
      { what: "neither", fields: without(":authority") },
      { what: "two that differ", fields: withField("host", "smuggled.example", GET) },
      {
        what: "two Host fields",
        fields: [...without(":authority"), ["host", "example.com"], ["host", "example.com"]],
      },
      {
        what: "two Host fields, one of them :authority's",
        fields: [...GET, ["host", "example.com"], ["host", "smuggled.example"]],
      },
      {
        what: "plain CONNECT",
        fields: [
          [":method", "CONNECT"],
          [":authority", "smuggled.example:22"],
        ],
      },
    ]);
  });

  it("that are good become one canonical request, with one Host", async () => {
    const since = scene.backend.requests.length;
    await scene.withstands(async (attack) => {
      const attacker = await scene.attacker(attack, { tls: true });
      const good: [FieldList, string, string][] = [
        [GET, "GET / HTTP/1.1", "example.com"],
        [withField("host", "example.com", GET), "GET / HTTP/1.1", "example.com"],
        [withField("host", "EXAMPLE.com", GET), "GET / HTTP/1.1", "example.com"],
        [withField("host", "other.example", without(":authority")), "GET / HTTP/1.1", "other.example"],
        [replaced(":path", "*", replaced(":method", "OPTIONS")), "OPTIONS * HTTP/1.1", "example.com"],
        [replaced(":path", "//two/../x?y=//z"), "GET //two/../x?y=//z HTTP/1.1", "example.com"],
        [replaced(":authority", "[::1]:8443"), "GET / HTTP/1.1", "[::1]:8443"],
      ];
      for (const [fields, startLine, host] of good) {
        assert.equal(await attacker.ask(fields), "200", startLine);
        const request = arrived(since).at(-1);
        assert.equal(request?.message.startLine, startLine);
        assert.deepEqual(request?.fieldAll("host"), [host]);
      }
    });
    assert.deepEqual(scene.backend.violations, []);
    scene.backend.requests.length = since;
  });
});

describe("fields of a connection", { timeout: 60_000 }, () => {
  it("make the request malformed", async () => {
    const fields: [string, string][] = [
      ["connection", "keep-alive"],
      ["connection", "close, x-forwarded-for"],
      ["connection", ""],
      ["keep-alive", "timeout=5"],
      ["proxy-connection", "keep-alive"],
      ["upgrade", "h2c"],
      ["upgrade", "websocket"],
      ["transfer-encoding", "chunked"],
      ["http2-settings", "AAMAAABkAARAAAAAAAIAAAAA"],
      ["te", "gzip"],
      ["te", "trailers, chunked"],
      ["te", "chunked"],
      ["te", ""],
    ];
    await refused(
      fields.map(([name, value]) => ({ what: `${name}: ${value}`, fields: withField(name, value, GET) })),
      MALFORMED,
    );
  });

  it("that come as trailers are malformed, or do not go on", async () => {
    const since = scene.backend.requests.length;
    for (const name of ["connection", "upgrade", "keep-alive", "proxy-connection", "http2-settings"])
      await refusedTrailers([[name, "x"]], since);
    for (const name of ["te", "host", "content-length", "trailer", "authorization", "cookie", "expect"])
      await refusedTrailers([[name, "x"]], since, /^(RST PROTOCOL_ERROR|200)$/);
  });

  it("TE: trailers is allowed, and stays a matter of this hop", async () => {
    const since = scene.backend.requests.length;
    await scene.withstands(async (attack) => {
      const attacker: H2Attacker = await scene.attacker(attack, { tls: true });
      assert.equal(await attacker.ask(withField("te", "trailers", GET)), "200");
    });
    for (const request of arrived(since)) assert.match(request.field("te") ?? "trailers", /^trailers$/);
  });
});

describe("a request that is malformed", { timeout: 60_000 }, () => {
  it("is told in the access log and counted", async () => {
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.attacker(attack, { tls: true });
        assert.match(await attacker.ask(withField("transfer-encoding", "chunked")), MALFORMED);
      },
      {
        counters: { http_faults_total: 1 },
        log: ({ fields }) =>
          fields["reason"] === "bad_request" && /belongs to a connection/.test(String(fields["detail"])),
      },
    );
  });

  it("does not change how the next one is read, on whatever stream", async () => {
    const since = scene.backend.requests.length;
    await scene.withstands(async (attack) => {
      const attacker = await scene.attacker(attack, { tls: false });
      // Streams in parallel: parts of bad ones lie between the parts of good ones.
      attacker.send(
        headers(1, POST),
        headers(3, withField("transfer-encoding", "chunked")),
        data(1, "good "),
        data(3, SMUGGLED),
        fragments(5, [block(withField("x\r\n", "y"))]),
        data(1, "body", { end: true }),
      );
      assert.equal(await attacker.outcome(1), "200");
      assert.match(await attacker.outcome(3), MALFORMED);
      assert.match(await attacker.outcome(5), MALFORMED);
    });
    assert.deepEqual(
      arrived(since).map(({ body }) => body.toString()),
      ["good body"],
    );
    assert.deepEqual(scene.backend.violations, []);
  });
});
