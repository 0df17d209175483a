import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openSslHello } from "../../test/support/openssl-hello.ts";
import { RFC_CLIENT_HELLO } from "../../test/support/rfc-client-hello.ts";
import {
  clientHello,
  helloFor,
  type HelloParts,
  nameList,
  protocolList,
} from "../../test/support/tls-hello-message.ts";
import {
  MAX_APPLICATION_PROTOCOLS,
  MAX_SERVER_NAME_BYTES,
  messageEnd,
  readClientHello,
} from "./tls-hello.ts";

/** Reads the message from within other octets. */
function read(message: Buffer): ReturnType<typeof readClientHello> {
  const bytes = Buffer.concat([Buffer.alloc(3, 0xee), message, Buffer.alloc(300, 0xdd)]);
  return readClientHello(bytes, 3, 3 + message.length);
}

function readParts(parts: HelloParts): ReturnType<typeof readClientHello> {
  return read(clientHello(parts));
}

function invalid(reason: string): unknown {
  return { kind: "invalid", reason };
}

test("the hello of RFC 9001 appendix A.2 is read", () => {
  assert.deepEqual(read(RFC_CLIENT_HELLO), {
    kind: "hello",
    serverName: "example.com",
    applicationProtocols: ["alpn"],
  });
});

test("hellos of OpenSSL are read, of every version", async () => {
  const cases = [
    { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" },
    { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" },
    { minVersion: "TLSv1.2", maxVersion: "TLSv1.3" },
  ] as const;
  for (const options of cases) {
    const full = await openSslHello({
      ...options,
      servername: "App.Example",
      ALPNProtocols: ["h2", "http/1.1"],
    });
    assert.deepEqual(read(full), {
      kind: "hello",
      serverName: "app.example",
      applicationProtocols: ["h2", "http/1.1"],
    });
    assert.deepEqual(read(await openSslHello(options)), {
      kind: "hello",
      serverName: "",
      applicationProtocols: [],
    });
  }
});

test("names are lower-case, and a dot at their end is dropped", () => {
  const nameOf = (name: string): unknown => {
    const result = readParts({ extensions: [[0, nameList([[0, name]])]] });
    return result.kind === "hello" ? result.serverName : result.reason;
  };
  assert.equal(nameOf("WWW.Example.ORG."), "www.example.org");
  assert.equal(nameOf("a"), "a");
  assert.equal(nameOf("x".repeat(MAX_SERVER_NAME_BYTES)), "x".repeat(MAX_SERVER_NAME_BYTES));
  for (const bad of ["", ".", "a\0b", "a b", "a\tb", "\u00fc.example", "a\u007f", "x".repeat(256)])
    assert.equal(nameOf(bad), "server name", JSON.stringify(bad));
});

test("a list of names holds one host name, among others that nobody knows", () => {
  const list = (...names: (readonly [number, string])[]): unknown =>
    readParts({ extensions: [[0, nameList(names)]] });
  const found = { kind: "hello", serverName: "a.example", applicationProtocols: [] };
  assert.deepEqual(list([9, "?? "], [0, "a.example"], [7, ""]), found);
  assert.deepEqual(list([9, "x"]), { ...found, serverName: "" });
  assert.deepEqual(list([0, "a.example"], [0, "b.example"]), invalid("server name"));
  assert.deepEqual(list(), invalid("server name"));
});

test("protocols are read in order, as octets", () => {
  const names = ["h3", "\n\n", "\u00ff", "x".repeat(255)];
  const result = readParts({ extensions: [[16, protocolList(names)]] });
  assert.deepEqual(result, { kind: "hello", serverName: "", applicationProtocols: names });
  const bad = [protocolList([]), protocolList(["h3", ""]), Buffer.alloc(0), Buffer.from([0, 3, 2, 0x68])];
  for (const content of bad)
    assert.deepEqual(readParts({ extensions: [[16, content]] }), invalid("application protocols"));
});

test("a client offers a bounded number of protocols", () => {
  const offer = (count: number): unknown =>
    readParts({ extensions: [[16, protocolList(Array.from({ length: count }, () => "h3"))]] }).kind;
  assert.equal(offer(MAX_APPLICATION_PROTOCOLS), "hello");
  assert.equal(offer(MAX_APPLICATION_PROTOCOLS + 1), "invalid");
});

test("values that nobody knows are stepped over, in any place", () => {
  const grease: readonly (readonly [number, Buffer])[] = [
    [0x0a0a, Buffer.alloc(0)],
    [0, nameList([[0, "g.example"]])],
    [0xfafa, Buffer.alloc(1)],
    [16, protocolList(["h3"])],
    [0x1a1a, Buffer.alloc(700, 1)],
  ];
  assert.deepEqual(readParts({ extensions: grease }), {
    kind: "hello",
    serverName: "g.example",
    applicationProtocols: ["h3"],
  });
});

test("a hello may have no extensions", () => {
  const empty = { kind: "hello", serverName: "", applicationProtocols: [] };
  assert.deepEqual(readParts({ extensions: null }), empty);
  assert.deepEqual(readParts({ extensions: [] }), empty);
});

test("wrong lengths are refused", () => {
  const name = nameList([[0, "a.example"]]);
  const cases: Readonly<Record<string, Buffer>> = {
    "a session ID of 33 octets": clientHello({ sessionId: Buffer.alloc(33) }),
    "no cipher": clientHello({ ciphers: Buffer.alloc(0) }),
    "half a cipher": clientHello({ ciphers: Buffer.alloc(3) }),
    "no compression method": clientHello({ compression: Buffer.alloc(0) }),
    "octets behind the extensions": Buffer.concat([helloFor("a.example", ["h3"]), Buffer.alloc(1)]),
    "the name twice": clientHello({
      extensions: [
        [0, name],
        [0, name],
      ],
    }),
    "the protocols twice": clientHello({
      extensions: [
        [16, protocolList(["h3"])],
        [16, protocolList(["h2"])],
      ],
    }),
    "an extension that is cut short": clientHello({ extensions: null }).subarray(0, -1),
  };
  for (const [what, message] of Object.entries(cases))
    assert.deepEqual(read(message), invalid("malformed"), what);
  const lists = [
    Buffer.concat([name, Buffer.alloc(1)]),
    name.subarray(0, -1),
    Buffer.alloc(1),
    Buffer.alloc(2),
  ];
  for (const list of lists) assert.deepEqual(readParts({ extensions: [[0, list]] }), invalid("server name"));
});

test("a hello that is cut anywhere is refused", () => {
  const message = helloFor("cut.example", ["h3", "h2"], 20);
  const withoutExtensions = 4 + 34 + 1 + 6 + 2;
  for (let cut = 0; cut < message.length; cut++) {
    const expected = cut === withoutExtensions ? "hello" : "invalid";
    assert.equal(read(message.subarray(0, cut)).kind, expected, `at ${cut}`);
  }
});

test("another message is none", () => {
  assert.deepEqual(read(Buffer.from([2, 0, 0, 0])), invalid("not a ClientHello"));
});

test("where a message ends is known from four octets on", () => {
  const message = Buffer.concat([Buffer.alloc(2), helloFor("a.example", ["h3"])]);
  for (let end = 2; end < 6; end++) assert.equal(messageEnd(message, 2, end), end + 1);
  for (let end = 6; end <= message.length; end++) assert.equal(messageEnd(message, 2, end), message.length);
});

test("whatever octets come, nothing is thrown, and names are clean", () => {
  const extension = fc.tuple(fc.constantFrom(0, 16, 0x2a2a), fc.uint8Array({ maxLength: 24 }));
  const extensions = fc
    .array(extension, { maxLength: 4 })
    .map((list) =>
      clientHello({ extensions: list.map(([type, bytes]) => [type, Buffer.from(bytes)] as const) }),
    );
  const mutated = fc.tuple(fc.nat(), fc.nat(255)).map(([at, octet]) => {
    const message = helloFor("fuzz.example", ["h3"]);
    message[at % message.length] = octet;
    return message;
  });
  const random = fc
    .uint8Array({ maxLength: 100 })
    .map((bytes) => Buffer.from([1, 0, 0, bytes.length, ...bytes]));
  fc.assert(
    fc.property(fc.oneof(extensions, mutated, random), (message) => {
      const result = read(message);
      if (result.kind === "hello") assert.match(result.serverName, /^[!-@[-~]*$/);
    }),
    { numRuns: 3000 },
  );
});
