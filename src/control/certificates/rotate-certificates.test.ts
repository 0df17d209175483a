import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test, type TestContext } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { CertificateAuthority, type TestIdentity } from "../../../test/support/certificates.ts";
import { certificateFolder, writeIdentity, writePrivate } from "../../../test/support/certificates-files.ts";
import type { Log } from "../../base/log.ts";
import { createGateway } from "../create-gateway.ts";
import type { Gateway } from "../gateway.ts";

/** A gateway in this process with TLS, before a real backend. */
let backend: Server;
before(async () => {
  backend = createServer((_request, response) => response.end("hello"));
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
});
after(() => {
  backend.closeAllConnections();
  backend.close();
});

const LIMIT = { timeout: 30_000 };
const authority = new CertificateAuthority();

interface Fixture {
  readonly gateway: Gateway;
  readonly folder: string;
  readonly lines: readonly string[];
  /** Exchanges the files of the one certificate. */
  write(identity: TestIdentity): void;
}

function issue(): TestIdentity {
  return authority.issue({ names: ["localhost"] });
}

function tomlOf(folder: string, more = ""): string {
  const { port } = backend.address() as AddressInfo;
  return `
[[listeners]]
name = "web"
address = "127.0.0.1:0"
protocol = "h1s"
[listeners.tls]
cert_path = "${folder}/a.crt"
key_path = "${folder}/a.key"
${more}
[[listeners.backends]]
address = "127.0.0.1:${port}"
[runtime]
workers = 0
transport = "net"
readiness_settle_ms = 0
[observability]
access_log = { enabled = false }`;
}

async function started(context: TestContext, first: TestIdentity, more = "", env = {}): Promise<Fixture> {
  const folder = certificateFolder(context);
  const write = (identity: TestIdentity): void => void writeIdentity(folder, "a", identity);
  write(first);
  const lines: string[] = [];
  const note = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: () => {}, info: note, warn: note, error: note };
  const gateway = await createGateway({ toml: tomlOf(folder, more) }, { log: () => log, environment: env });
  context.after(() => gateway.stop());
  await gateway.start();
  return { gateway, folder, lines, write };
}

async function connected(context: TestContext, { gateway }: Fixture, session?: Buffer): Promise<TLSSocket> {
  const socket = connect({
    port: gateway.ports["web"] ?? 0,
    host: "127.0.0.1",
    servername: "localhost",
    ca: authority.rootPem,
    ALPNProtocols: ["http/1.1"],
    ...(session === undefined ? {} : { session }),
  });
  socket.on("error", () => {});
  context.after(() => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

/** The certificate that a new connection is shown. */
async function shownTo(context: TestContext, fixture: Fixture): Promise<Buffer> {
  const socket = await connected(context, fixture);
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return raw;
}

/** What a client keeps to resume later. */
async function sessionOf(context: TestContext, fixture: Fixture): Promise<Buffer> {
  const socket = await connected(context, fixture);
  const ticket = once(socket, "session");
  await get(socket);
  const [session] = (await ticket) as [Buffer];
  return session;
}

async function get(socket: TLSSocket): Promise<string> {
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return chunk.toString("latin1", 0, 12);
}

async function metric(gateway: Gateway, name: string): Promise<number> {
  const line = (await gateway.metrics()).split("\n").find((text) => text.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? NaN);
}

test("new connections get new certificates, old ones go on", LIMIT, async (context) => {
  const [one, two] = [issue(), issue()];
  const fixture = await started(context, one);
  const { gateway } = fixture;
  assert.deepEqual(await shownTo(context, fixture), one.der);
  const open = await connected(context, fixture);
  const loadedAt = await metric(gateway, 'cert_loaded_at_seconds{listener="web"}');
  fixture.write(two);
  assert.equal(await gateway.rotateCertificates(), true);
  assert.deepEqual(await shownTo(context, fixture), two.der);
  assert.equal(await get(open), "HTTP/1.1 200");
  assert.equal(gateway.health().generation, 2);
  assert.equal(await metric(gateway, "cert_rotation_succeeded_total"), 1);
  assert.equal(await metric(gateway, "config_reload_succeeded_total"), 0);
  assert.equal(await metric(gateway, "config_reload_applied_version"), 2);
  assert.ok((await metric(gateway, 'cert_loaded_at_seconds{listener="web"}')) >= loadedAt);
  const expiry = await metric(
    gateway,
    `cert_not_after_seconds{listener="web",certificate="${fixture.folder}/a.crt"}`,
  );
  assert.ok(expiry * 1000 > Date.now(), String(expiry));
  const loaded = fixture.lines.filter((line) => line.startsWith("certificate loaded"));
  assert.equal(loaded.length, 2);
  assert.match(loaded[1] ?? "", /"listener":"web".*"names":\["localhost"\],"not_after":"\d{4}-/);
});

test("the same files again change nothing, and count as a rotation that worked", LIMIT, async (context) => {
  const { gateway } = await started(context, issue());
  assert.equal(await gateway.rotateCertificates(), false);
  assert.equal(gateway.health().generation, 1);
  assert.equal(await metric(gateway, "cert_rotation_succeeded_total"), 1);
});

test("what cannot be used leaves what is in use, and is told and counted", LIMIT, async (context) => {
  const one = issue();
  const fixture = await started(context, one);
  const { gateway, folder } = fixture;
  writePrivate(folder, "a.crt", issue().certPem);
  await assert.rejects(gateway.rotateCertificates(), /does not belong to the certificate/);
  writePrivate(folder, "a.crt", "nothing");
  await assert.rejects(gateway.rotateCertificates(), /holds no certificate/);
  assert.deepEqual(await shownTo(context, fixture), one.der);
  assert.deepEqual([gateway.state, gateway.health().generation], ["running", 1]);
  assert.equal(await metric(gateway, 'cert_rotation_failed_total{reason="mismatch"}'), 1);
  assert.equal(await metric(gateway, 'cert_rotation_failed_total{reason="malformed"}'), 1);
  assert.equal(await metric(gateway, "cert_rotation_succeeded_total"), 0);
  assert.ok(fixture.lines.some((line) => /^rotation refused.*"reason":"mismatch"/.test(line)));
});

test("a reload of the same configuration takes new certificates over, too", LIMIT, async (context) => {
  const [one, two] = [issue(), issue()];
  const fixture = await started(context, one);
  const { gateway } = fixture;
  assert.deepEqual(await gateway.reload(), { generation: 1, changes: 0, restartRequired: [] });
  fixture.write(two);
  assert.deepEqual(await gateway.reload(), { generation: 2, changes: 0, restartRequired: [] });
  assert.deepEqual(await shownTo(context, fixture), two.der);
});

test("reloads and rotations at the same time come one after the other", LIMIT, async (context) => {
  const fixture = await started(context, issue());
  const { gateway, folder } = fixture;
  fixture.write(issue());
  const more = "min_version = '1.3'";
  const [reload, first, second] = await Promise.all([
    gateway.reload({ toml: tomlOf(folder, more) }),
    gateway.rotateCertificates(),
    gateway.rotateCertificates(),
  ]);
  assert.equal(reload.changes, 1);
  assert.deepEqual([first, second, gateway.state], [false, false, "running"]);
});

test("sessions resume after a rotation and after a reload: the ticket keys stay", LIMIT, async (context) => {
  const fixture = await started(context, issue());
  const session = await sessionOf(context, fixture);
  fixture.write(issue());
  await fixture.gateway.rotateCertificates();
  const again = await connected(context, fixture, session);
  assert.ok(again.isSessionReused());
  await fixture.gateway.reload({ toml: tomlOf(fixture.folder, "watch = true") });
  assert.ok((await connected(context, fixture, session)).isSessionReused());
});

test("ticket keys rotate by themselves, and reach the listener", LIMIT, async (context) => {
  const more = "ticket_rotation_interval_seconds = 1\nticket_rotation_overlap_seconds = 0";
  const fixture = await started(context, issue(), more);
  const old = await sessionOf(context, fixture);
  while ((await metric(fixture.gateway, "ticket_key_rotations_total")) === 0)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await connected(context, fixture, old)).isSessionReused(), false);
});

test("watched files are read again when they change", LIMIT, async (context) => {
  const two = issue();
  const fixture = await started(context, issue(), "watch = true");
  // The watch must have seen the first ones.
  await new Promise((resolve) => setTimeout(resolve, 100));
  fixture.write(two);
  while ((await metric(fixture.gateway, "cert_rotation_succeeded_total")) === 0)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(await shownTo(context, fixture), two.der);
});

test("secrets are written where SSLKEYLOGFILE says, with a warning", LIMIT, async (context) => {
  const folder = certificateFolder(context);
  const keyLogPath = `${folder}/keys.log`;
  const fixture = await started(context, issue(), "", { SSLKEYLOGFILE: keyLogPath });
  assert.ok(
    fixture.lines.some((line) => line.startsWith("SSLKEYLOGFILE is set") && line.includes(keyLogPath)),
  );
  await get(await connected(context, fixture));
  assert.match(readFileSync(keyLogPath, "latin1"), /^CLIENT_HANDSHAKE_TRAFFIC_SECRET /m);
});

test("a gateway that does not run rotates nothing", LIMIT, async (context) => {
  const { gateway } = await started(context, issue());
  await gateway.stop();
  await assert.rejects(gateway.rotateCertificates(), /stopped/);
});
