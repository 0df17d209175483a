/** Backends that speak HTTP/2: everything of a message passes, and their ways of ending things cost no more than they must. */
import assert from "node:assert/strict";
import { constants } from "node:http2";
import { describe, it, type TestContext } from "node:test";
import { freePort } from "../support/addresses.ts";
import { CertificateAuthority, type TestIdentity } from "../support/certificates.ts";
import { certificateFolder, writeIdentity, writePrivate } from "../support/certificates-files.ts";
import { Gateway } from "../support/gateway.ts";
import { h1Listener } from "../support/gateway-config.ts";
import { Http2Backend, type Http2BackendOptions, type Http2Handler } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { fieldValue, statusOf } from "../support/strict-http1.ts";
import { get, post, postChunked } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

type Block = Readonly<Record<string, unknown>>;

interface Setup {
  readonly gateway: Gateway;
  readonly backend: Http2Backend;
  readonly port: number;
  connect(): Promise<RawClient>;
}

async function start(
  t: TestContext,
  handler?: Http2Handler,
  options: Http2BackendOptions & { readonly keys?: Block; readonly pool?: Block } = {},
): Promise<Setup> {
  const backend = await Http2Backend.start(t, handler, options);
  const port = await freePort();
  const keys = { address: backend.address, protocol: "h2", ...options.keys };
  const gateway = await Gateway.start(t, {
    listeners: [h1Listener(port, [keys])],
    ...(options.pool === undefined ? {} : { pool: options.pool }),
  });
  return { gateway, backend, port, connect: () => RawClient.connect(port) };
}

const HANDSHAKE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

describe("an HTTP/2 backend", { timeout: 60_000 }, () => {
  it("gets requests whole and answers them, many at once on one session", async (t) => {
    const { backend, connect, gateway } = await start(t);
    const client = await connect();
    assert.equal((await client.request(get("/a?b"))).body.toString(), "GET /a?b ");
    assert.equal((await client.request(post("/p", "body"))).body.toString(), "POST /p body");
    const chunked = await client.request(postChunked("/c", "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"));
    assert.equal(chunked.body.toString(), "POST /c abcdef");
    const clients = await Promise.all(Array.from({ length: 60 }, connect));
    const answers = await Promise.all(clients.map((each, index) => each.request(get(`/${index}`))));
    assert.deepEqual(
      answers.map(({ body }) => body.toString()),
      clients.map((_, index) => `GET /${index} `),
    );
    assert.equal(backend.sessions.length, 1);
    const metrics = await gateway.metric("rest", (now) => now.sum("h2_upstream_streams") === 0);
    assert.equal(metrics.sum("h2_upstream_connections"), 1);
    for (const each of [client, ...clients]) each.destroy();
  });

  it("sends 103, trailers and bodies of every size", async (t) => {
    const large = Buffer.alloc(10 * 1024 * 1024, "0123456789abcdef");
    const { connect } = await start(t, (stream) => {
      stream.additionalHeaders({ ":status": 103, link: "</style.css>" });
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "42" }));
      stream.end(large);
    });
    const client = await connect();
    client.send(get("/", "TE: trailers"));
    const early = await client.readResponse();
    assert.equal(statusOf(early), 103);
    assert.equal(fieldValue(early.fields, "link"), "</style.css>");
    const answer = await client.readResponse();
    assert.ok(answer.body.equals(large));
    assert.equal(fieldValue(answer.trailers, "x-sum"), "42");
    client.destroy();
  });

  it("gets trailers, and a large body no faster than it reads", async (t) => {
    let seen = 0;
    let trailers: object = {};
    const { connect } = await start(t, (stream) => {
      stream.pause();
      setTimeout(() => stream.resume(), 200);
      stream.on("data", (part: Buffer) => (seen += part.length));
      stream.on("trailers", (fields: object) => (trailers = fields));
      stream.on("end", () => {
        stream.respond({ ":status": 204 });
        stream.end();
      });
    });
    const client = await connect();
    const part = "x".repeat(65_536);
    const chunks = `10000\r\n${part}\r\n`.repeat(64);
    const answer = await client.request(postChunked("/", `${chunks}0\r\nX-Sum: 7\r\n\r\n`));
    assert.equal(statusOf(answer), 204);
    assert.equal(seen, 64 * 65_536);
    assert.equal((trailers as Record<string, string>)["x-sum"], "7");
    client.destroy();
  });

  it("is not disturbed by a client that leaves: its stream is cancelled and the session stays", async (t) => {
    const codes: number[] = [];
    const { backend, connect } = await start(t, (stream, headers) => {
      stream.on("close", () => codes.push(stream.rstCode));
      stream.respond({ ":status": 200 });
      if (headers[":path"] === "/quick") stream.end("quick");
      else stream.write("slow");
    });
    const [slow, quick] = [await connect(), await connect()];
    slow.send(get("/slow"));
    await slow.readUntil("slow");
    slow.reset();
    await waitFor("the stream to be cancelled", () => codes.includes(constants.NGHTTP2_CANCEL));
    assert.equal((await quick.request(get("/quick"))).body.toString(), "quick");
    assert.equal(backend.sessions.length, 1);
    quick.destroy();
  });

  it("loses no request when it says GOAWAY under load", async (t) => {
    const { backend, connect, gateway } = await start(t);
    for (let i = 0; i < 5; i++) {
      const client = await connect();
      for (let j = 0; j < 60; j++) {
        if (j % 20 === 10) backend.sessions.at(-1)?.close();
        const answer = await client.request(get(`/${i}/${j}`));
        assert.equal(answer.body.toString(), `GET /${i}/${j} `);
      }
      client.destroy();
    }
    assert.ok(backend.sessions.length > 10);
    await gateway.metric("old sessions gone", (now) => now.sum("h2_upstream_connections") <= 1);
  });

  it("is obeyed in how many streams it takes", async (t) => {
    let now = 0;
    let most = 0;
    const { backend, connect } = await start(
      t,
      (stream) => {
        most = Math.max(most, ++now);
        setTimeout(() => {
          now -= 1;
          stream.respond({ ":status": 200 });
          stream.end("done");
        }, 5);
      },
      { settings: { maxConcurrentStreams: 2 }, pool: { max_per_backend: 3 } },
    );
    const clients = await Promise.all(Array.from({ length: 40 }, connect));
    const answers = await Promise.all(clients.map((each) => each.request(get("/"))));
    assert.ok(answers.every((answer) => answer.body.toString() === "done"));
    assert.ok(most <= 6, `${most} at once`);
    assert.ok(backend.sessions.length <= 3);
    for (const each of clients) each.destroy();
  });

  it("that resets streams gives 502, or cuts what had begun", async (t) => {
    const { connect } = await start(t, (stream, headers) => {
      if (headers[":path"] === "/begun") {
        stream.respond({ ":status": 200 });
        // Unlike `close`, which ends the body in order first.
        stream.write("part", () => stream.destroy(new Error("INTERNAL_ERROR")));
      } else stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
    const client = await connect();
    assert.equal(statusOf(await client.request(get("/"))), 502);
    client.send(get("/begun"));
    assert.notEqual(await client.closed(), "fin");
  });

  it("carries WebSocket over extended CONNECT", async (t) => {
    const { connect } = await start(
      t,
      (stream, headers) => {
        assert.equal(headers[":protocol"], "websocket");
        assert.equal(headers["sec-websocket-key"], undefined);
        stream.respond({ ":status": 200, "sec-websocket-protocol": "chat" });
        // An unmasked text frame, and a Close in answer to whatever comes.
        stream.write(Buffer.from([0x81, 5, ...Buffer.from("hello")]));
        stream.once("data", () => stream.end(Buffer.from([0x88, 2, 0x03, 0xe8])));
      },
      { settings: { enableConnectProtocol: true } },
    );
    const client = await connect();
    client.send(get("/chat", ...HANDSHAKE));
    const head = await client.readUntil("\r\n\r\n");
    assert.match(head, /^HTTP\/1\.1 101 /);
    // What RFC 6455 section 1.3 gives for this key.
    assert.match(head, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
    assert.match(head, /\r\nSec-WebSocket-Protocol: chat\r\n/i);
    await client.readUntil("hello");
    client.send(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
    await client.readUntil("\x88\x02\x03\xe8");
    await client.closed();
  });

  it("without extended CONNECT refuses WebSocket with 502", async (t) => {
    const { connect } = await start(t);
    const client = await connect();
    assert.equal(statusOf(await client.request(get("/", ...HANDSHAKE))), 502);
    client.destroy();
  });
});

interface Trusted {
  readonly authority: CertificateAuthority;
  readonly identity: TestIdentity;
  readonly folder: string;
  /** Keys of a backend that trusts the authority. */
  readonly keys: Block;
}

function trust(t: TestContext): Trusted {
  const authority = new CertificateAuthority();
  const identity = authority.issue({ names: ["backend.test"] });
  const folder = certificateFolder(t);
  const keys = {
    tls: true,
    tls_ca_path: writePrivate(folder, "ca.crt", authority.rootPem),
    tls_verify_hostname: "backend.test",
  };
  return { authority, identity, folder, keys };
}

describe("a backend over TLS", { timeout: 60_000 }, () => {
  it("is spoken to as ALPN says", async (t) => {
    const { identity, keys } = trust(t);
    const { connect, backend, gateway } = await start(t, undefined, {
      tls: identity,
      keys: { ...keys, protocol: "auto" },
    });
    const client = await connect();
    assert.equal((await client.request(post("/", "secret"))).body.toString(), "POST / secret");
    assert.equal(backend.sessions.length, 1);
    assert.equal(backend.sessions[0]?.alpnProtocol, "h2");
    const metrics = await gateway.metric("counted", (now) => now.sum("upstream_tls_handshakes_total") === 1);
    assert.equal(metrics.sum("upstream_tls_handshake_failures_total"), 0);
    client.destroy();
  });

  it("that cannot be believed is 502, with the reason in the log", async (t) => {
    const { keys } = trust(t);
    const stranger = new CertificateAuthority("Stranger").issue({ names: ["backend.test"] });
    const { connect, gateway } = await start(t, undefined, { tls: stranger, keys });
    const client = await connect();
    assert.equal(statusOf(await client.request(get("/"))), 502);
    const line = await waitFor("the log line", () =>
      gateway.log.lines.find(({ fields }) => fields.code === "upstream_tls_failed"),
    );
    assert.match(String(line.fields.detail), /^tls: ./);
    client.destroy();
  });

  it("whose certificate is for another name is 502, unless it is not verified", async (t) => {
    const { identity, keys } = trust(t);
    const wrong = await start(t, undefined, {
      tls: identity,
      keys: { ...keys, tls_verify_hostname: "other.test" },
    });
    const client = await wrong.connect();
    assert.equal(statusOf(await client.request(get("/"))), 502);
    client.destroy();
    const off = await start(t, undefined, {
      tls: identity,
      keys: { tls: true, tls_verify_peer: false, tls_verify_hostname: "other.test" },
    });
    const other = await off.connect();
    assert.equal(statusOf(await other.request(get("/"))), 200);
    other.destroy();
  });

  it("that wants a certificate is shown one, and sessions are resumed", async (t) => {
    const { authority, identity, folder, keys } = trust(t);
    const { certPath, keyPath } = writeIdentity(
      folder,
      "client",
      authority.issue({ commonName: "gateway", purpose: "client" }),
    );
    const { connect, backend, gateway } = await start(t, undefined, {
      tls: { ...identity, clientCaPem: authority.rootPem },
      keys: { ...keys, tls_client_cert_path: certPath, tls_client_key_path: keyPath },
    });
    const client = await connect();
    for (let i = 0; i < 3; i++) {
      assert.equal(statusOf(await client.request(get("/"))), 200);
      backend.sessions.at(-1)?.close();
      await waitFor("the session to end", () => backend.openSessions === 0);
    }
    const metrics = await gateway.metric("three", (now) => now.sum("upstream_tls_handshakes_total") === 3);
    assert.ok(metrics.sum("upstream_tls_resumptions_total") >= 1);
    client.destroy();
  });
});
