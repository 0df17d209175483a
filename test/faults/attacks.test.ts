/**
 * Attacks on HTTP/1: each recipe against the running gateway, with a recording backend that shows what
 * came through. The process stays alive, nothing is smuggled, state is gone when the attacker leaves.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { freePort } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import { h1Listener } from "../support/gateway-config.ts";
import { rssBytes } from "../support/processes.ts";
import { RawClient } from "../support/raw-client.ts";
import { hello } from "../support/recording-backend.ts";
import { bytes, echo, respond } from "../support/scripts.ts";
import { fieldValue, statusOf, type Http1Message } from "../support/strict-http1.ts";
import {
  get,
  post,
  postChunked,
  startBackend,
  startProxied,
  suiteScope,
  type Proxied,
} from "../support/suite.ts";
import { pause, waitFor } from "../support/wait-for.ts";

const scope = suiteScope();
let proxied: Proxied;
before(async () => {
  proxied = await startProxied(scope, {
    backend: { script: echo },
    http: { header_timeout_ms: 2000, body_timeout_ms: 1000, head_timeout_ms: 2000 },
  });
});
interface Seen {
  readonly answers: readonly Http1Message[];
  readonly statuses: readonly number[];
  readonly targets: readonly string[];
  readonly closed: boolean;
}

/** Sends bytes on a new connection; what came back, and what the backend got. */
async function attack(data: string | Buffer): Promise<Seen> {
  const before = proxied.backend.requests.length;
  const client = await proxied.connect();
  client.send(data);
  const answers: Http1Message[] = [];
  for (;;) {
    const answer = await client
      .readResponse({ timeoutMs: answers.length === 0 ? 4000 : 150 })
      .catch(() => undefined);
    if (answer === undefined) break;
    answers.push(answer);
  }
  if (answers.length > 0 && statusOf(answers.at(-1) as Http1Message) >= 400)
    await client.closed(2000).catch(() => "open");
  const closed = client.ending !== "open";
  client.destroy();
  const targets = proxied.backend.requests.slice(before).map((request) => request.target);
  return { answers, statuses: answers.map(statusOf), targets, closed };
}

/** The request is refused, the connection closed, and nothing whole reached the backend. */
async function refused(data: string | Buffer, statuses: readonly number[] = [400]): Promise<void> {
  const seen = await attack(data);
  const label = JSON.stringify(data.toString("latin1").slice(0, 160));
  assert.deepEqual(seen.targets, [], `forwarded: ${label}`);
  assert.ok(seen.closed, `still open after ${String(seen.statuses)}: ${label}`);
  assert.ok(
    seen.statuses.length === 0 || (seen.statuses.length === 1 && statuses.includes(seen.statuses[0] ?? 0)),
    `${String(seen.statuses)}: ${label}`,
  );
}

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: test.example\r\n\r\n";

describe("framing", { timeout: 120_000 }, () => {
  const SPELLINGS = [
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding : chunked",
    " Transfer-Encoding: chunked",
    "X: y\r\n Transfer-Encoding: chunked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: identity, chunked, chunked",
    'Transfer-Encoding: "chunked"',
    "Transfer-Encoding: 'chunked'",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding: chunked\x00",
    "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked",
    "Transfer_Encoding: chunked",
    "Transfer\tEncoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "transfer-encoding: chunked",
    "Transfer-Encoding: chunked",
    "TRANSFER-ENCODING: CHUNKED",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding\x00: chunked",
    "Transfer-Encoding:chunked\rX: y",
    "X: y\rTransfer-Encoding: chunked",
    "X: y\nTransfer-Encoding: chunked",
    "\x80Transfer-Encoding: chunked",
  ];
  it("is refused when Content-Length meets any spelling of Transfer-Encoding", async () => {
    for (const spelling of SPELLINGS) {
      const length = SMUGGLED.length + 5;
      await refused(
        `POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: ${length}\r\n${spelling}\r\n\r\n0\r\n\r\n${SMUGGLED}`,
        [400, 501],
      );
      await refused(
        `POST / HTTP/1.1\r\nHost: test.example\r\n${spelling}\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${SMUGGLED}`,
        [400, 501],
      );
    }
  });

  it("is refused for every length that is not plain digits", async () => {
    for (const length of [
      "+5",
      "-5",
      "5 5",
      "0x5",
      "5,6",
      "5;",
      "5.0",
      "",
      "5e0",
      "٥",
      "99999999999999999999",
      "\x0b5",
      "5\x00",
    ]) {
      await refused(
        `POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: ${length}\r\n\r\nhello${SMUGGLED}`,
        [400, 413],
      );
    }
    await refused(
      `POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello${SMUGGLED}`,
    );
  });

  it("is refused when a length hides from one parser and not from the next", async () => {
    for (const line of [
      " Content-Length: 47",
      "X: y\r\n\tContent-Length: 47",
      "Content-Length\x0b: 47",
      "Content-Length:\n47",
      "Content_Length: 47",
      "Content-Length :47",
    ]) {
      await refused(`POST / HTTP/1.1\r\nHost: test.example\r\n${line}\r\n\r\n${SMUGGLED}`);
    }
  });

  it("of HTTP/1.0 takes no transfer coding", async () => {
    await refused("POST / HTTP/1.0\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    await refused(
      `POST / HTTP/1.0\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n${SMUGGLED}`,
    );
  });

  it("in chunks takes one spelling", async () => {
    for (const chunk of [
      "5 \r\nhello",
      " 5\r\nhello",
      "0x5\r\nhello",
      "+5\r\nhello",
      "5\nhello",
      "5\rhello",
      "5;\r\nhello",
      '5;a="\r\nhello',
      "5\r\nhelloX",
      "-0\r\n",
      "5\x00\r\nhello",
      "FFFFFFFFFFFFFFFFF\r\nhello",
      "100000000000000005\r\nhello",
    ]) {
      await refused(postChunked("/", `${chunk}\r\n0\r\n\r\n${SMUGGLED}`));
    }
  });

  it("in trailers cannot be changed", async () => {
    for (const line of ["Content-Length: 5", "Transfer-Encoding: chunked", "Host: evil.example"]) {
      const seen = await attack(postChunked("/", `5\r\nhello\r\n0\r\n${line}\r\n\r\n`));
      for (const request of proxied.backend.requests.slice(-seen.targets.length || undefined)) {
        assert.deepEqual(
          request.message.trailers.filter(([name]) => line.toLowerCase().startsWith(name.toLowerCase())),
          [],
        );
      }
      assert.ok(seen.statuses[0] === 400 || seen.statuses[0] === 200, String(seen.statuses));
    }
  });

  it("with bytes after an empty body makes them the next request, never part of another", async () => {
    const seen = await attack(
      `POST /first HTTP/1.1\r\nHost: test.example\r\nContent-Length: 0\r\n\r\n${get("/second")}`,
    );
    assert.deepEqual(seen.targets, ["/first", "/second"]);
    assert.deepEqual(seen.statuses, [200, 200]);
  });
});

describe("local answers", { timeout: 60_000 }, () => {
  it("never leave an unread body to be parsed as a request", async (t) => {
    const backend = await startBackend(t);
    const port = await freePort();
    await Gateway.start(t, {
      listeners: [h1Listener(port, [])],
      routers: { only: { rule: "Path(`/known`) || Path(`/smuggled`)", service: "s" } },
      services: { s: { backends: [{ address: backend.address }] } },
    });
    for (const framing of [
      `Content-Length: ${SMUGGLED.length}\r\n\r\n`,
      "Transfer-Encoding: chunked\r\n\r\n",
    ]) {
      const client = await RawClient.connect(port);
      client.send(`POST /unknown HTTP/1.1\r\nHost: test.example\r\n${framing}${SMUGGLED}`);
      assert.equal(statusOf(await client.readResponse()), 404);
      await waitFor(
        "the close, or silence",
        async () => client.ending !== "open" || (await client.staysQuiet(150)),
      );
      assert.doesNotMatch(client.unread, /HTTP/);
      client.destroy();
    }
    assert.equal(backend.requests.length, 0);
  });

  it("do not copy what a client sends", async () => {
    for (const path of ["/%0d%0aX-Injected:%201", "/<script>", "/?a=%00"]) {
      const seen = await attack(get(path));
      for (const answer of seen.answers) assert.equal(fieldValue(answer.fields, "x-injected"), undefined);
    }
  });
});

describe("chunk overhead", { timeout: 60_000 }, () => {
  it("of endless extensions is refused", async () => {
    await refused(postChunked("/", `1;${"a".repeat(100_000)}`));
    await refused(
      postChunked("/", Array.from({ length: 10_000 }, () => `1;x=${"y".repeat(200)}\r\na\r\n`).join("")),
    );
  });

  it("of 20,000 one-byte chunks is refused or served, in bounded memory", async () => {
    const before = rssBytes(proxied.gateway.workers()[0] ?? 0);
    const seen = await attack(postChunked("/tiny", `${"1\r\na\r\n".repeat(20_000)}0\r\n\r\n`));
    assert.ok([200, 400].includes(seen.statuses[0] ?? 0), String(seen.statuses));
    assert.ok(rssBytes(proxied.gateway.workers()[0] ?? 0) - before < 60 * 1024 * 1024);
  });
});

describe("upgrades", { timeout: 60_000 }, () => {
  it("to h2c never open a tunnel, and HTTP2-Settings does not cross", async () => {
    proxied.backend.script = (request, answer) => {
      if (request.field("upgrade") === undefined) return hello(request, answer);
      return bytes("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")(
        request,
        answer,
      );
    };
    const seen = await attack(
      get(
        "/",
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
      ),
    );
    assert.ok(!seen.statuses.includes(101), String(seen.statuses));
    const request = proxied.backend.requests.at(-1);
    assert.equal(request?.field("http2-settings"), undefined);
    assert.equal(request?.field("upgrade"), undefined);
    proxied.backend.script = echo;
  });

  it("by an HTTP/2 preface are refused", async () => {
    await refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400, 505]);
  });

  it("by CONNECT are refused", async () => {
    await refused("CONNECT internal:22 HTTP/1.1\r\nHost: internal:22\r\n\r\n", [400, 405, 501]);
  });
});

describe("expectations", { timeout: 60_000 }, () => {
  it("that are obfuscated are refused or ignored, and the body stays a body", async () => {
    for (const expect of ["100-continue, 100-continue", "100-continueX", "100 continue"]) {
      const seen = await attack(post("/e", SMUGGLED, `Expect: ${expect}`));
      assert.ok(!seen.targets.includes("/smuggled"));
    }
  });

  it("of a client whose request is refused by the backend end in that answer, and in step", async (t) => {
    const refusal = respond("403 Forbidden", "no", "Connection: close");
    const { connect, backend } = await startProxied(t, { backend: { script: refusal, atHead: true } });
    const client = await connect();
    client.send(
      `POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: ${SMUGGLED.length}\r\nExpect: 100-continue\r\n\r\n`,
    );
    assert.equal(statusOf(await client.readResponse()), 403);
    client.send(SMUGGLED);
    await waitFor(
      "the close, or silence",
      async () => client.ending !== "open" || (await client.staysQuiet(150)),
    );
    assert.ok(!backend.requests.some((request) => request.target === "/smuggled"));
    assert.doesNotMatch(client.unread, /HTTP/);
  });
});

describe("the host", { timeout: 60_000 }, () => {
  const BAD = [
    "a,b",
    "user@test.example",
    "test.example/path",
    "test.example:99999",
    "test.example:8x",
    "[::1",
    "[fe80::1%eth0]x",
    "a b",
    "a\x00b",
    "a\tb",
    "a\\b",
    "a#b",
    "a?b",
    "",
  ];
  it("is refused when it is none", async () => {
    for (const host of BAD) await refused(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await refused("GET / HTTP/1.1\r\n\r\n");
    await refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n");
    await refused("GET http://user@test.example/ HTTP/1.1\r\nHost: test.example\r\n\r\n");
  });

  it("cannot be taken away by Connection", async () => {
    const seen = await attack(
      get("/", "Connection: Host, Content-Length, Cookie, Authorization", "Cookie: a=1"),
    );
    assert.deepEqual(seen.statuses, [200]);
    assert.equal(proxied.backend.requests.at(-1)?.field("host"), "test.example");
  });

  it("of an absolute target is the one that is forwarded", async () => {
    const seen = await attack("GET http://real.example/ HTTP/1.1\r\nHost: decoy.example\r\n\r\n");
    assert.deepEqual(seen.statuses, [200]);
    assert.deepEqual(proxied.backend.requests.at(-1)?.fieldAll("host"), ["real.example"]);
  });
});

describe("oversize", { timeout: 60_000 }, () => {
  it("in any part of the head is refused", async () => {
    const big = "a".repeat(100_000);
    await refused(`${big} / HTTP/1.1\r\nHost: a\r\n\r\n`, [400, 414, 431, 501]);
    await refused(`GET /${big} HTTP/1.1\r\nHost: a\r\n\r\n`, [414]);
    await refused(get("/", `${big}: x`), [431]);
    await refused(get("/", `X: ${big}`), [431]);
    await refused(get("/", ...Array.from({ length: 10_000 }, (_, i) => `X-${i}: y`)), [431]);
  });

  it("of empty lines is refused or ends in silence", async () => {
    const seen = await attack("\r\n".repeat(50_000));
    assert.deepEqual(seen.targets, []);
  });

  it("of control bytes never crosses", async () => {
    for (const byte of ["\x00", "\x01", "\x7f", "\x0b", "\r", "\n"]) {
      await refused(get(`/a${byte}b`));
      const seen = await attack(get("/", `X: a${byte}b`));
      assert.ok(seen.statuses[0] === 400, `${JSON.stringify(byte)}: ${String(seen.statuses)}`);
    }
  });
});

describe("pauses", { timeout: 60_000 }, () => {
  it("longer than the body timeout end the connection, and the late body is no request", async () => {
    const client = await proxied.connect();
    const before = proxied.backend.requests.length;
    client.send(`POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n`);
    assert.equal(statusOf(await client.readResponse()), 408);
    client.send(SMUGGLED);
    assert.notEqual(await client.closed(), "open");
    await pause(50);
    assert.equal(proxied.backend.requests.length, before);
  });
});

describe("a TLS hello, binary noise and half a word", { timeout: 60_000 }, () => {
  it("are answered with 400 or a close", async () => {
    await refused(Buffer.from("16030100a5010000a10303", "hex"), [400, 408]);
    await refused(Buffer.from(Array.from({ length: 512 }, (_, i) => (i * 73 + 11) & 0xff)));
    await refused("GE", [400, 408]);
  });
});

describe("after all of this", { timeout: 60_000 }, () => {
  it("the gateway runs, has let go of everything, and the backend only ever got canonical requests", async () => {
    proxied.gateway.assertAlive();
    assert.deepEqual(proxied.backend.violations, []);
    const metrics = await proxied.gateway.metric(
      "no connection left",
      (now) => now.sum("connections_inflight") === 0,
    );
    assert.equal(metrics.sum("backend_requests_inflight"), 0);
    assert.equal(metrics.sum("worker_restarts_total"), 0);
    const client = await proxied.connect();
    assert.equal(statusOf(await client.request(get("/"))), 200);
    client.destroy();
  });
});
