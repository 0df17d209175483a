/** TLS with clients: what the handshake agrees on, what backends learn of it, and what becomes of handshakes that fail. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { freePort, HOST, NO_OWN_ADDRESS, OWN_ADDRESS } from "../support/addresses.ts";
import { writePrivate } from "../support/certificates-files.ts";
import { Gateway } from "../support/gateway.ts";
import { Http2Client } from "../support/http2-client.ts";
import type { RecordingBackend } from "../support/recording-backend.ts";
import { respond } from "../support/scripts.ts";
import { SecureSite } from "../support/secure-listener.ts";
import { get, startBackend } from "../support/suite.ts";
import { within } from "../support/wait-for.ts";

type Block = Readonly<Record<string, unknown>>;

interface Setup {
  readonly gateway: Gateway;
  readonly backend: RecordingBackend;
  readonly site: SecureSite;
  readonly port: number;
}

async function start(t: TestContext, tls: (site: SecureSite) => Block, runtime: Block = {}): Promise<Setup> {
  const backend = await startBackend(t, { script: respond("200 OK", "fine") });
  const site = new SecureSite(t);
  const port = await freePort();
  const gateway = await Gateway.start(t, {
    listeners: [site.listener(port, [backend.address], { tls: site.tls(tls(site)) })],
    runtime,
  });
  return { gateway, backend, site, port };
}

/** A handshake; rejects with the code of what went wrong. */
async function handshake(
  t: TestContext,
  port: number,
  options: Partial<ConnectionOptions> = {},
): Promise<TLSSocket> {
  const socket = connect({
    port,
    host: HOST,
    servername: "localhost",
    rejectUnauthorized: false,
    ...options,
  });
  t.after(() => void socket.destroy());
  await within("a TLS handshake", 10_000, once(socket, "secureConnect"));
  socket.on("error", () => undefined);
  return socket;
}

/** The first line of the answer to a GET. */
async function ask(socket: TLSSocket, ...lines: string[]): Promise<string> {
  socket.write(get("/", ...lines));
  const [part] = (await within("an answer", 10_000, once(socket, "data"))) as [Buffer];
  return part.toString("latin1").split("\r\n")[0] ?? "";
}

describe("TLS with clients", { timeout: 90_000 }, () => {
  it("ends here, in both versions, and sessions resume", async (t) => {
    const { port, backend, gateway } = await start(t, () => ({}));
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const only = { minVersion: version, maxVersion: version };
      const first = await handshake(t, port, only);
      assert.equal(first.getProtocol(), version);
      assert.equal(await ask(first), "HTTP/1.1 200 OK");
      // With TLS 1.3 it comes behind the handshake, and in front of the answer.
      const session = first.getSession();
      assert.ok(session !== undefined);
      first.destroy();
      const again = await handshake(t, port, { ...only, session });
      assert.ok(again.isSessionReused(), version);
      assert.equal(await ask(again), "HTTP/1.1 200 OK");
    }
    assert.equal(backend.requests[0]?.field("x-forwarded-proto"), "https");
    const metrics = await gateway.metric("the handshakes", (now) => now.sum("tls_handshakes_total") === 4);
    assert.equal(metrics.sum("tls_resumptions_total"), 2);
  });

  it("that fails is counted and explained in the log, and harms nobody else", async (t) => {
    const { port, gateway } = await start(t, () => ({ min_version: "1.3" }));
    const fine = await handshake(t, port);
    await assert.rejects(handshake(t, port, { maxVersion: "TLSv1.2" }));
    const line = await gateway.waitForLog(
      "the failed handshake",
      ({ fields }) => fields["message"] === "a TLS handshake with a client failed",
    );
    assert.match(String(line.fields["reason"]), /protocol/i);
    assert.equal(line.fields["client_ip"], "127.0.0.1");
    await gateway.metric("it", (now) => now.sum("tls_handshake_failures_total") === 1);
    assert.equal(await ask(fine), "HTTP/1.1 200 OK");
  });

  it("that is spoken to in HTTP without it fails as well", async (t) => {
    const { port, gateway } = await start(t, () => ({}));
    const socket = connectTcp({ port, host: HOST });
    t.after(() => void socket.destroy());
    socket.on("error", () => undefined);
    socket.write(get("/"));
    await within("the connection to end", 5000, once(socket, "close"));
    await gateway.metric("it", (now) => now.sum("tls_handshake_failures_total") === 1);
  });

  it("that does not come to its end in time is cut", async (t) => {
    const { port, gateway } = await start(t, () => ({}), { handshake_timeout_ms: 300 });
    const silent = connectTcp({ port, host: HOST });
    const half = connectTcp({ port, host: HOST });
    half.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    const ends = [silent, half].map(async (socket) => {
      t.after(() => void socket.destroy());
      const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
      return error.code;
    });
    assert.deepEqual(await within("the connections to end", 5000, Promise.all(ends)), [
      "ECONNRESET",
      "ECONNRESET",
    ]);
    await gateway.metric("them", (now) => now.sum("tls_handshake_timeouts_total") === 2);
  });

  it("asks for certificates, and tells backends of them", async (t) => {
    const { port, backend, site } = await start(t, ({ folder, authority }) => ({
      client_auth: "request",
      client_ca_path: writePrivate(folder, "clients.pem", authority.rootPem),
      forward_client_certificate: "both",
    }));
    const robot = site.authority.issue({ names: ["robot.example"], purpose: "client" });
    const identity = { cert: robot.certPem, key: robot.keyPem };
    assert.equal(await ask(await handshake(t, port, identity)), "HTTP/1.1 200 OK");
    assert.equal(backend.requests[0]?.field("client-cert"), `:${robot.der.toString("base64")}:`);
    assert.match(
      backend.requests[0]?.field("x-forwarded-client-cert") ?? "",
      /^Hash=[0-9a-f]{64};Subject="CN=robot\.example";DNS=robot\.example$/,
    );
    const h2 = await Http2Client.connect(t, port, { tls: { certPem: robot.certPem, keyPem: robot.keyPem } });
    await h2.get("/", { "client-cert": ":AAAA:" });
    assert.deepEqual(backend.requests[1]?.fieldAll("client-cert"), [`:${robot.der.toString("base64")}:`]);
    const claims = ["Client-Cert: :AAAA:", "X-Forwarded-Client-Cert: Hash=00"];
    assert.equal(await ask(await handshake(t, port), ...claims), "HTTP/1.1 200 OK");
    assert.equal(backend.requests[2]?.field("client-cert"), undefined);
    assert.equal(backend.requests[2]?.field("x-forwarded-client-cert"), undefined);
  });

  it("for one host answers 421 to a request for another", { skip: NO_OWN_ADDRESS }, async (t) => {
    const host = OWN_ADDRESS as string;
    const backend = await startBackend(t, { script: respond("200 OK", "fine") });
    const site = new SecureSite(t);
    const port = await freePort();
    const address = `${host}:${port}`;
    const gateway = await Gateway.start(t, {
      listeners: [site.listener(port, [backend.address], { address })],
    });
    const names = { host, servername: "app.example" };
    const h1 = await handshake(t, port, { ...names, ALPNProtocols: ["http/1.1"] });
    const head = (name: string): string => `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`;
    h1.write(head("localhost"));
    assert.match(String(await within("an answer", 10_000, once(h1, "data"))), /^HTTP\/1\.1 421 /);
    h1.write(head("App.Example:8443"));
    assert.match(String(await within("an answer", 10_000, once(h1, "data"))), /^HTTP\/1\.1 200 /);
    const client = await Http2Client.connect(t, port, { host, tls: { servername: "app.example" } });
    assert.equal((await client.get("/", { ":authority": "localhost" })).status, 421);
    assert.equal((await client.get("/", { ":authority": "app.example" })).status, 200);
    await gateway.metric("both to be counted", (now) => now.sum("tls_misdirected_requests_total") === 2);
  });

  it("shows each host its own certificate", async (t) => {
    const backend = await startBackend(t, { script: respond("200 OK", "fine") });
    const one = new SecureSite(t, { names: ["one.example"] });
    const two = new SecureSite(t, { names: ["*.two.example"] });
    const port = await freePort();
    const certificates = [{ cert_path: two.paths.certPath, key_path: two.paths.keyPath }];
    await Gateway.start(t, {
      listeners: [one.listener(port, [backend.address], { tls: one.tls({ certificates }) })],
    });
    const serialFor = async (servername: string): Promise<bigint> => {
      const socket = await handshake(t, port, { servername });
      return BigInt(`0x${socket.getPeerCertificate().serialNumber}`);
    };
    assert.equal(await serialFor("one.example"), one.identity.serial);
    assert.equal(await serialFor("www.two.example"), two.identity.serial);
    assert.equal(await serialFor("nobody.example"), one.identity.serial);
  });
});
