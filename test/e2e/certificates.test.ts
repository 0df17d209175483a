/** Certificates and session tickets of a running gateway: SIGUSR1, workers that are replaced, keys that rotate. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { freePort, HOST } from "../support/addresses.ts";
import { CertificateAuthority } from "../support/certificates.ts";
import { certificateFolder, writeIdentity, writePrivate } from "../support/certificates-files.ts";
import { Gateway, LAUNCHER } from "../support/gateway.ts";
import { isAlive, signal } from "../support/processes.ts";
import { startBackend } from "../support/suite.ts";
import { transportUnderTest } from "../support/transport.ts";
import { pause, waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);

const authority = new CertificateAuthority();
const WORKERS = 2;
const ROTATIONS = 10;

interface Secured {
  readonly gateway: Gateway;
  readonly port: number;
  readonly folder: string;
  /** Exchanges the files of the certificate; returns its DER. */
  renew(): Buffer;
}

async function startSecured(t: TestContext, tls: Readonly<Record<string, unknown>> = {}): Promise<Secured> {
  const folder = certificateFolder(t);
  const renew = (): Buffer => {
    const identity = authority.issue({ names: ["localhost"] });
    writeIdentity(folder, "a", identity);
    return identity.der;
  };
  renew();
  const backend = await startBackend(t, { record: false });
  const port = await freePort();
  const gateway = await Gateway.start(t, {
    listeners: [
      {
        name: "web",
        address: `${HOST}:${port}`,
        protocol: "h1s",
        tls: { cert_path: `${folder}/a.crt`, key_path: `${folder}/a.key`, ...tls },
        backends: [{ address: backend.address, protocol: "h1" }],
      },
    ],
    runtime: { workers: WORKERS },
  });
  return { gateway, port, folder, renew };
}

async function secure(port: number, session?: Buffer): Promise<TLSSocket> {
  const socket = connect({
    port,
    host: HOST,
    servername: "localhost",
    ca: authority.rootPem,
    ALPNProtocols: ["http/1.1"],
    ...(session === undefined ? {} : { session }),
  });
  await once(socket, "secureConnect", { signal: AbortSignal.timeout(5000) });
  return socket;
}

/** One request on a connection of its own. */
async function exchange(port: number, offered?: Buffer) {
  const socket = await secure(port, offered);
  const ticket = once(socket, "session", { signal: AbortSignal.timeout(5000) });
  ticket.catch(() => {});
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const [head] = (await once(socket, "data", { signal: AbortSignal.timeout(5000) })) as [Buffer];
  const resumed = socket.isSessionReused();
  // Who resumes need not be given another ticket.
  const [session] = resumed && offered !== undefined ? [offered] : ((await ticket) as [Buffer]);
  const certificate = socket.getPeerCertificate().raw;
  socket.destroy();
  return { status: head.toString("latin1", 9, 12), certificate, resumed, session };
}

/** Connections enough that every worker has had one, all but surely. */
const MANY = 12;

async function replaceWorkers(gateway: Gateway): Promise<void> {
  const before = gateway.workers();
  for (const worker of before) signal(worker, "SIGKILL");
  await waitFor("other workers", () => {
    const now = gateway.workers();
    return now.length === WORKERS && now.every((worker) => !before.includes(worker)) ? true : undefined;
  });
  await gateway.metric("workers that serve", (metrics) => metrics.sum("worker_up") === WORKERS, 10_000);
}

describe("certificates", { timeout: 120_000 }, () => {
  it("are exchanged by SIGUSR1 in every worker, and no connection fails meanwhile", async (t) => {
    const { gateway, port, renew } = await startSecured(t);
    const workers = gateway.workers();
    let running = true;
    let served = 0;
    const load = (async () => {
      for (; running; served++) assert.equal((await exchange(port)).status, "200");
    })();
    for (let round = 1; round <= ROTATIONS; round++) {
      const der = renew();
      gateway.kill("SIGUSR1");
      await gateway.metric("a rotation", (metrics) => metrics.sum("cert_rotation_succeeded_total") === round);
      for (let n = 0; n < 3; n++) assert.deepEqual((await exchange(port)).certificate, der);
    }
    running = false;
    await load;
    assert.ok(served > 0);
    assert.deepEqual(gateway.workers(), workers, "no worker was replaced");
    assert.equal((await gateway.scrape()).sum("config_reload_applied_version"), ROTATIONS + 1);
  });

  it("stay when the new ones cannot be used, with the reason in the log and the metrics", async (t) => {
    const { gateway, port, folder } = await startSecured(t);
    const { certificate } = await exchange(port);
    chmodSync(join(folder, "a.key"), 0o644);
    gateway.kill("SIGUSR1");
    const line = await gateway.waitForLog("why", ({ text }) => text.includes("rotation refused"));
    assert.match(String(line.fields["problem"]), /a\.key": its mode is 0644$/);
    await gateway.metric(
      "a refusal",
      (metrics) => metrics.sum("cert_rotation_failed_total", { reason: "permissions" }) === 1,
    );
    assert.deepEqual((await exchange(port)).certificate, certificate);
  });

  it("are looked into by check: what is good is listed, what is not has its place", async (t) => {
    const { gateway, folder } = await startSecured(t);
    const good = await run(LAUNCHER, ["check", gateway.configFile]);
    assert.match(good.stdout, /^certificates\n {2}web +\S+a\.crt +localhost +until \d{4}-\d\d-\d\d$/m);
    writePrivate(folder, "a.crt", "nothing");
    await assert.rejects(run(LAUNCHER, ["check", gateway.configFile]), ({ code, stderr }: never) => {
      assert.equal(code, 1);
      assert.match(stderr, /gateway\.toml:\d+:\d+: error: ".*a\.crt" holds no certificate in PEM\n/);
      return true;
    });
  });

  it("are not of concern to a worker that gets SIGUSR1 itself", async (t) => {
    const { gateway, port } = await startSecured(t);
    const workers = gateway.workers();
    for (const worker of workers) signal(worker, "SIGUSR1");
    await pause(200);
    assert.ok(workers.every(isAlive));
    assert.equal((await exchange(port)).status, "200");
  });
});

describe("session tickets", { timeout: 120_000 }, () => {
  it("resume on every worker, after a rotation of certificates, and on workers that replace others", async (t) => {
    const { gateway, port, renew } = await startSecured(t);
    const { session, resumed } = await exchange(port);
    assert.equal(resumed, false);
    for (let n = 0; n < MANY; n++) assert.ok((await exchange(port, session)).resumed, `connection ${n}`);
    renew();
    gateway.kill("SIGUSR1");
    await gateway.metric("a rotation", (metrics) => metrics.sum("cert_rotation_succeeded_total") === 1);
    await replaceWorkers(gateway);
    for (let n = 0; n < MANY; n++) assert.ok((await exchange(port, session)).resumed, `connection ${n}`);
  });

  const oneKey = transportUnderTest() === "net" ? "node:tls knows one key" : false;
  it("of older keys resume within the overlap, on new workers too", { skip: oneKey }, async (t) => {
    const rotation = { ticket_rotation_interval_seconds: 2, ticket_rotation_overlap_seconds: 60 };
    const { gateway, port } = await startSecured(t, rotation);
    const first = await exchange(port);
    const rotations = (count: number) =>
      gateway.metric("a rotation", (metrics) => metrics.sum("ticket_key_rotations_total") >= count, 10_000);
    await rotations(1);
    const second = await exchange(port);
    await rotations(2);
    await replaceWorkers(gateway);
    for (let n = 0; n < MANY; n++) {
      assert.ok((await exchange(port, first.session)).resumed, `the first key, connection ${n}`);
      assert.ok((await exchange(port, second.session)).resumed, `the second key, connection ${n}`);
    }
  });

  it("of keys beyond the overlap do not resume", async (t) => {
    const rotation = { ticket_rotation_interval_seconds: 1, ticket_rotation_overlap_seconds: 0 };
    const { gateway, port } = await startSecured(t, rotation);
    const { session } = await exchange(port);
    await gateway.metric("a rotation", (metrics) => metrics.sum("ticket_key_rotations_total") >= 1, 10_000);
    // The workers hear of it a moment later.
    await waitFor("a full handshake", async () =>
      (await exchange(port, session)).resumed ? undefined : true,
    );
  });
});
