/** HTTP/2 from clients that share no code with the gateway, over TLS and by prior knowledge: everything of a message passes. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { freePort, HOST } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import { h1Listener, type GatewayConfig } from "../support/gateway-config.ts";
import { Http2Backend } from "../support/http2-backend.ts";
import { answerOf, Http2Client } from "../support/http2-client.ts";
import { RawClient } from "../support/raw-client.ts";
import type { BackendOptions, RecordingBackend } from "../support/recording-backend.ts";
import {
  after as later,
  bytes,
  chunked,
  echo,
  type Echoed,
  hang,
  named,
  respond,
} from "../support/scripts.ts";
import { SecureSite } from "../support/secure-listener.ts";
import { statusOf } from "../support/strict-http1.ts";
import { get, startBackend } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

type Block = Readonly<Record<string, unknown>>;

interface Setup {
  readonly gateway: Gateway;
  readonly backend: RecordingBackend;
  readonly secure: number;
  readonly plain: number;
  readonly config: GatewayConfig;
  client(tls?: boolean): Promise<Http2Client>;
}

/** One gateway with a TLS listener and a plain one before one backend. */
async function start(t: TestContext, backendOptions: BackendOptions = {}, keys: Block = {}): Promise<Setup> {
  const backend = await startBackend(t, backendOptions);
  const site = new SecureSite(t);
  const [secure, plain] = [await freePort(), await freePort()];
  const config: GatewayConfig = {
    listeners: [
      site.listener(secure, [backend.address], { name: "secure", ...keys }),
      h1Listener(plain, [backend.address], { name: "plain", ...keys }),
    ],
  };
  const gateway = await Gateway.start(t, config);
  const client = (tls = true): Promise<Http2Client> =>
    Http2Client.connect(t, tls ? secure : plain, tls ? { tls: {} } : {});
  return { gateway, backend, secure, plain, config, client };
}

const run = promisify(execFile);

async function curlSpeaksH2(): Promise<boolean> {
  const version = await run("curl", ["--version"]).catch(() => undefined);
  return version?.stdout.includes("HTTP2") === true;
}

describe("HTTP/2 from clients", { timeout: 120_000 }, () => {
  it("is served to curl, over TLS and by prior knowledge", async (t) => {
    if (!(await curlSpeaksH2())) return t.skip("no curl with HTTP/2 is installed");
    const { secure, plain } = await start(t, { script: echo });
    const folder = mkdtempSync(join(tmpdir(), "curl-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const body = randomBytes(300_000).toString("hex");
    writeFileSync(join(folder, "body"), body);
    const ways = [
      ["--http2", `https://${HOST}:${secure}`],
      ["--http2-prior-knowledge", `http://${HOST}:${plain}`],
    ] as const;
    for (const [flag, url] of ways) {
      const curl = async (...more: string[]): Promise<string> =>
        (await run("curl", ["-sk", flag, ...more], { maxBuffer: 10_000_000, timeout: 30_000 })).stdout;
      const written = ["-o", join(folder, "out"), "-w", "%{http_version} %{http_code}"];
      assert.equal(await curl(...written, `${url}/x`), "2 200");
      assert.equal(await curl(...written, "-I", `${url}/x`), "2 200");
      const echoed = JSON.parse(
        await curl("--data-binary", `@${join(folder, "body")}`, `${url}/upload`),
      ) as Echoed;
      assert.equal(echoed.body, body);
      assert.equal(echoed.method, "POST");
    }
  });

  it("is chosen by ALPN, and HTTP/1.1 is served on the same ports", async (t) => {
    const { secure, plain, client } = await start(t, { script: respond("200 OK", "fine") });
    assert.equal((await (await client(true)).get("/")).body.toString(), "fine");
    assert.equal((await (await client(false)).get("/")).body.toString(), "fine");
    const plainClient = await RawClient.connect(plain);
    assert.equal(statusOf(await plainClient.request(get("/"))), 200);
    const answer = await fetchOverTls(secure);
    assert.equal(answer, "HTTP/1.1 200 OK");
  });

  it("passes everything of a message, in both directions", async (t) => {
    const { backend, client } = await start(t, {
      script: chunked(["one ", "two"], ["X-Sum: 7"]),
    });
    for (const tls of [true, false]) {
      const h2 = await client(tls);
      const stream = h2.session.request(
        {
          ":method": "PUT",
          ":path": "/a%20b?c=d&e",
          cookie: ["a=1", "b=2"],
          "x-some": "Thing",
          te: "trailers",
        },
        { endStream: false, waitForTrailers: true },
      );
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-up": "9" }));
      const answered = answerOf(stream);
      stream.write("part one, ");
      stream.end("part two");
      const answer = await answered;
      assert.equal(answer.body.toString(), "one two");
      assert.equal(answer.trailers["x-sum"], "7");
      const request = backend.requests.at(-1);
      assert.equal(request?.message.startLine, "PUT /a%20b?c=d&e HTTP/1.1");
      assert.equal(request?.body.toString(), "part one, part two");
      assert.deepEqual(request?.message.trailers, [["x-up", "9"]]);
      assert.equal(request?.field("cookie"), "a=1; b=2");
      assert.equal(request?.field("x-some"), "Thing");
      assert.equal(request?.field("via"), "2 expressgateway");
      assert.equal(request?.field("x-forwarded-proto"), tls ? "https" : "http");
    }
  });

  it("passes informational responses", async (t) => {
    const script = bytes(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    const { client } = await start(t, { script });
    const answer = await (await client()).post("/", "body", { expect: "100-continue" });
    assert.equal(answer.body.toString(), "ok");
    assert.ok(answer.informational.includes(103), answer.informational.join());
  });

  it("passes 10 MiB both ways at once, to a client that reads slowly", async (t) => {
    const backend = await Http2Backend.start(t, (stream) => {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    });
    const site = new SecureSite(t);
    const port = await freePort();
    await Gateway.start(t, {
      listeners: [
        site.listener(port, [{ address: backend.address, protocol: "h2" }], {
          http: { total_timeout_ms: 60_000 },
        }),
      ],
    });
    const client = await Http2Client.connect(t, port, { tls: {} });
    const body = randomBytes(10 * 1024 * 1024);
    const stream = client.open({ ":method": "POST", ":path": "/" }, false);
    const received: Buffer[] = [];
    let pauses = 0;
    stream.on("data", (part: Buffer) => {
      received.push(part);
      if (received.length % 50 !== 0) return;
      pauses += 1;
      stream.pause();
      setTimeout(() => stream.resume(), 5);
    });
    stream.end(body);
    const closed = new Promise<void>((resolve) => void stream.once("close", resolve));
    await closed;
    assert.ok(pauses > 0);
    assert.ok(Buffer.concat(received).equals(body));
  });

  it("answers for itself with the right status, and the connection goes on", async (t) => {
    const { client, gateway } = await start(
      t,
      { script: respond("200 OK", "fine") },
      { http: { max_request_body_bytes: 1000, max_headers: 20 } },
    );
    const h2 = await client();
    assert.equal((await h2.post("/", "x".repeat(1001))).status, 413);
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`x-field-${i}`, "y"]));
    assert.equal((await h2.get("/", many)).status, 431);
    assert.equal((await h2.get("/")).status, 200);
    const metrics = await gateway.metric("the requests", (now) => now.sum("http_requests_total") >= 3);
    assert.equal(metrics.sum("http_requests_total", { version: "HTTP/2", status_class: "4xx" }), 2);
    assert.equal(metrics.sum("http_faults_total", { listener: "secure", code: "body_too_large" }), 1);
  });

  it("resets the stream of a response that is cut, and no other", async (t) => {
    const { client } = await start(t, {
      script: async (request, answer) => {
        if (request.target === "/cut") {
          await bytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "reset")(request, answer);
        } else await later(200, respond("200 OK", "whole"))(request, answer);
      },
    });
    const h2 = await client();
    const whole = h2.get("/whole");
    const cut = h2.open({ ":path": "/cut" });
    await assert.rejects(answerOf(cut));
    assert.equal(cut.rstCode, constants.NGHTTP2_INTERNAL_ERROR);
    assert.equal((await whole).body.toString(), "whole");
  });

  it("lets the backend go when a client cancels, or leaves", async (t) => {
    const { client, backend, gateway } = await start(t, { script: hang });
    const h2 = await client();
    const stream = h2.open({ ":path": "/cancel" });
    await backend.request((request) => request.target === "/cancel");
    stream.close(constants.NGHTTP2_CANCEL);
    await waitFor("the backend to be let go", () => backend.openConnections === 0);
    h2.open({ ":path": "/leave" });
    await backend.request((request) => request.target === "/leave");
    h2.session.destroy();
    await waitFor("the backend to be let go", () => backend.openConnections === 0);
    const metrics = await gateway.metric(
      "two clients that left",
      (now) => now.sum("http_faults_total", { code: "client_closed" }) === 2,
    );
    assert.equal(metrics.sum("h2_downstream_streams"), 0);
  });

  it("serves 1,000 streams at once", async (t) => {
    const streams = 1000;
    const held: (() => void)[] = [];
    const backend = await startBackend(t, {
      record: false,
      script: async (request, answer) => {
        await new Promise<void>((resolve) => void held.push(resolve));
        await respond("200 OK", "fine")(request, answer);
      },
    });
    const site = new SecureSite(t);
    const port = await freePort();
    const gateway = await Gateway.start(t, {
      listeners: [
        site.listener(port, [backend.address], { h2_security: { max_concurrent_streams: streams } }),
      ],
      pool: { max_per_backend: streams, max_pending_per_backend: streams },
      runtime: { max_keepalive_requests: 0 },
    });
    const client = await Http2Client.connect(t, port, { tls: {} });
    await waitFor(
      "the gateway's settings",
      () => client.session.remoteSettings.maxConcurrentStreams === streams,
    );
    const answers = Array.from({ length: streams }, (_, i) => client.get(`/${i}`));
    await waitFor("all of them to be at the backend", () => held.length === streams, { timeoutMs: 30_000 });
    const metrics = await gateway.metric("them", (now) => now.sum("h2_downstream_streams") === streams);
    assert.equal(metrics.sum("h2_downstream_connections"), 1);
    for (const release of held) release();
    for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
  });

  it("spreads the requests of one client over backends of both versions", async (t) => {
    const one = await startBackend(t, { script: named("h1") });
    const two = await Http2Backend.start(t, (stream) => {
      stream.respond({ ":status": 200 });
      stream.end("h2");
    });
    const port = await freePort();
    const site = new SecureSite(t);
    await Gateway.start(t, {
      listeners: [site.listener(port, [one.address, { address: two.address, protocol: "h2" }])],
    });
    const client = await Http2Client.connect(t, port, { tls: {} });
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.get("/")));
    const bodies = answers.map(({ body }) => body.toString()).toSorted();
    assert.deepEqual(bodies, [...Array<string>(10).fill("h1"), ...Array<string>(10).fill("h2")]);
  });

  it("writes HTTP/2 into the access log", async (t) => {
    const backend = await startBackend(t, { script: respond("200 OK", "fine") });
    const port = await freePort();
    const site = new SecureSite(t);
    const gateway = await Gateway.start(t, {
      listeners: [site.listener(port, [backend.address])],
      observability: { access_log: { enabled: true, path: "stdout" } },
    });
    const client = await Http2Client.connect(t, port, { tls: {} });
    await client.get("/logged");
    const { fields } = await gateway.waitForLog("the request", (line) => line.fields["path"] === "/logged");
    assert.equal(fields["protocol"], "HTTP/2");
    assert.equal(fields["status"], 200);
    assert.equal(fields["response_bytes"], 4);
  });
});

/** The status line of an answer over TLS to a client that does not offer h2. */
async function fetchOverTls(port: number): Promise<string> {
  const socket = connect({ port, host: HOST, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
  const text = await new Promise<string>((resolve, reject) => {
    socket.once("error", reject);
    socket.once("secureConnect", () => socket.write(get("/")));
    socket.once("data", (part: Buffer) => resolve(part.toString("latin1")));
  });
  socket.destroy();
  return text.split("\r\n")[0] ?? "";
}
