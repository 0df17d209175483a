import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { HOST } from "../../../test/support/addresses.ts";
import { CertificateAuthority } from "../../../test/support/certificates.ts";
import type { H3User } from "../../../test/support/h3-user.ts";
import { type DialOptions, QuicUsers } from "../../../test/support/quic-users.ts";
import { childrenOf } from "../../../test/support/processes.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { nativeAddon } from "../../fastpath/native-addon.ts";
import { createGateway } from "../create-gateway.ts";
import type { Gateway } from "../gateway.ts";

/** HTTP/3 through gateways with real worker processes, before a real backend. */
const NAME = "app.example";

let backend: Server;
/** Requests to `/hold`, which wait for the test. */
const held: ServerResponse[] = [];
before(async () => {
  backend = createServer((request, response) => {
    if (request.url === "/hold") held.push(response);
    else response.end(request.url);
  });
  await new Promise<void>((resolve) => backend.listen(0, HOST, resolve));
});
after(() => {
  backend.closeAllConnections();
  backend.close();
});

const OPTIONS = {
  timeout: 60_000,
  skip: nativeAddon() === null ? "the native addon is missing: there are no workers" : false,
};

class Scene {
  readonly authority = new CertificateAuthority();
  readonly client: DialOptions = { caPem: this.authority.rootPem, serverName: NAME };
  readonly #directory = mkdtempSync(join(tmpdir(), "expressgateway-quic-"));
  readonly #context: TestContext;

  constructor(context: TestContext) {
    this.#context = context;
    context.after(() => rmSync(this.#directory, { recursive: true }));
    this.writeCertificate(NAME);
  }

  writeCertificate(...names: string[]): void {
    const { certPem, keyPem } = this.authority.issue({ names });
    writeFileSync(this.#path("cert.pem"), certPem);
    writeFileSync(this.#path("key.pem"), keyPem, { mode: 0o600 });
  }

  toml(workers: number): string {
    const { port } = backend.address() as AddressInfo;
    return `
[[listeners]]
name = "web"
address = "${HOST}:0"
protocol = "quic"
[listeners.quic]
cert_path = "${this.#path("cert.pem")}"
key_path = "${this.#path("key.pem")}"
retry_secret_path = "${this.#path("retry.secret")}"
[[listeners.backends]]
address = "${HOST}:${port}"
[runtime]
workers = ${workers}
readiness_settle_ms = 0
drain_timeout_ms = 4000
[observability]
access_log = { enabled = false }
`;
  }

  async start(workers: number): Promise<Gateway> {
    const gateway = await createGateway({ toml: this.toml(workers) });
    this.#context.after(() => gateway.stop());
    await gateway.start();
    return gateway;
  }

  /** Clients on addresses of their own: the kernel gives them to any of the workers. */
  async clients(count: number, gateway: Gateway): Promise<H3User[]> {
    const clients: H3User[] = [];
    for (let i = 0; i < count; i += 1) {
      const each = await QuicUsers.open(this.#context);
      clients.push(await each.h3(gateway.ports["web"] ?? 0, this.client));
    }
    return clients;
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

async function metric(gateway: Gateway, name: string): Promise<number> {
  const line = (await gateway.metrics()).split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

/** Requests one after the other on every connection, until it is told to stop; any failure is one of the test. */
class Load {
  served = 0;
  readonly #done: Promise<unknown>;
  #over = false;

  constructor(clients: readonly H3User[]) {
    this.#done = Promise.all(clients.map((client) => this.#run(client)));
  }

  async stop(): Promise<number> {
    this.#over = true;
    await this.#done;
    return this.served;
  }

  async more(): Promise<void> {
    const from = this.served;
    await waitFor("requests to be served", () => this.served > from + 20);
  }

  async #run(client: H3User): Promise<void> {
    while (!this.#over) {
      assert.equal((await client.ask("/load")).body, "/load");
      this.served += 1;
    }
  }
}

test("every worker serves HTTP/3 on the port that was found for port 0", OPTIONS, async (context) => {
  const scene = new Scene(context);
  const gateway = await scene.start(2);
  const clients = await scene.clients(8, gateway);
  for (const client of clients) assert.equal((await client.ask("/a")).body, "/a");
  assert.equal(await metric(gateway, "quic_connections_total"), 8);
  for (const client of clients) client.close();
  assert.deepEqual(await gateway.drain(), { aborted: 0 });
});

test("a reload and a rotation under load lose no request", OPTIONS, async (context) => {
  const scene = new Scene(context);
  const gateway = await scene.start(2);
  const clients = await scene.clients(4, gateway);
  const load = new Load(clients);
  await load.more();
  scene.writeCertificate(NAME, "new.example");
  assert.equal(await gateway.rotateCertificates(), true);
  await load.more();
  await gateway.reload({ toml: `${scene.toml(2)}\n[pool]\nmax_idle_per_backend = 3\n` });
  await load.more();
  const [fresh] = await scene.clients(1, gateway);
  assert.equal(fresh?.certificateNames, `DNS:${NAME}, DNS:new.example`);
  assert.equal(clients[0]?.certificateNames, `DNS:${NAME}`);
  assert.ok((await load.stop()) > 60);
});

test(
  "connections go on while workers come, whose sockets take packets of theirs",
  OPTIONS,
  async (context) => {
    const scene = new Scene(context);
    const gateway = await scene.start(1);
    const load = new Load(await scene.clients(8, gateway));
    await load.more();
    await gateway.reload({ toml: scene.toml(3) });
    await load.more();
    assert.ok((await metric(gateway, "quic_packets_handed_over_total")) > 0);
    await load.stop();
  },
);

test("while workers leave, the others get their new clients", OPTIONS, async (context) => {
  const scene = new Scene(context);
  const gateway = await scene.start(3);
  const connected = await scene.clients(24, gateway);
  const before = childrenOf(process.pid).length;
  const answers = connected.map((client) => client.ask("/hold"));
  await waitFor("the requests", () => held.length === connected.length);
  await gateway.reload({ toml: scene.toml(1) });
  // Those that leave still have their sockets, as they have connections with a request under way.
  for (const client of await scene.clients(12, gateway)) assert.equal((await client.ask("/new")).status, 200);
  assert.equal(childrenOf(process.pid).length, before);
  for (const response of held.splice(0)) response.end("kept");
  for (const answer of answers) assert.equal((await answer).body, "kept");
  await waitFor("two to be gone", () => childrenOf(process.pid).length === before - 2, {
    timeoutMs: 20_000,
  });
});

test("a killed worker's connections are reset, those of the other go on", OPTIONS, async (context) => {
  const scene = new Scene(context);
  const gateway = await scene.start(2);
  const clients = await scene.clients(16, gateway);
  const [victim = 0] = childrenOf(process.pid);
  process.kill(victim, "SIGKILL");
  await waitFor("the loss", () => gateway.health().servingWorkers === 1);
  // Those of the dead worker hear of it when they say something.
  const answers = await Promise.all(clients.map((client) => client.ask("/alive")));
  const alive = answers.filter(({ status }) => status === 200).length;
  assert.ok(alive > 0 && alive < clients.length, `${alive} of ${clients.length} are alive`);
  const ended = clients.filter(({ closed }) => closed !== null);
  assert.equal(ended.length, clients.length - alive);
  for (const { closed } of ended) assert.equal(closed?.by, "reset");
  // A process starts slowly on a busy machine.
  await waitFor("its successor", () => gateway.health().servingWorkers === 2, { timeoutMs: 20_000 });
  for (const client of clients) {
    if (client.closed === null) assert.equal((await client.ask("/still")).body, "/still");
  }
  for (const client of await scene.clients(4, gateway)) assert.equal((await client.ask("/new")).status, 200);
});
