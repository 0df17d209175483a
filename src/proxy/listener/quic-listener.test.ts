import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { memoryPlan } from "../../../test/support/memory-plan.ts";
import { MemoryNetwork, type MemoryUdp, udpAddress } from "../../../test/support/memory-udp.ts";
import { QuicWorld, SERVER_NAME, TRANSPORT } from "../../../test/support/quic-world.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { type Log, silentLog } from "../../base/log.ts";
import type { UdpOptions } from "../../fastpath/udp.ts";
import { compileGeneration } from "../generation.ts";
import { QuicPlane } from "../quic-plane.ts";
import { QuicListener } from "./quic-listener.ts";

const HOST = "192.0.2.1";

/** A network on which a test knows the sockets, and may have none to give. */
class KnownNetwork extends MemoryNetwork {
  readonly bound: MemoryUdp[] = [];
  scarce = false;

  override async bind(options: UdpOptions): Promise<MemoryUdp> {
    if (this.scarce) throw Object.assign(new Error("no"), { code: "EADDRNOTAVAIL" });
    const socket = await super.bind(options);
    this.bound.push(socket);
    return socket;
  }
}

test("a socket that fails takes its connections along, and is bound again", async (context) => {
  const lines: string[] = [];
  const note = (fields: object, message: string): void =>
    void lines.push(`${message} ${Object.values(fields).join()}`);
  const log: Log = { ...silentLog, info: note, error: note };
  const network = new KnownNetwork();
  const world = await QuicWorld.open(network);
  context.after(() => world.close());
  const gateway = new MemoryGateway({}, log);
  const { wheel } = world.environment();
  const { transport, context: worker } = gateway;
  const { clock } = world;
  const parts = { transport, clock, wheel, counters: worker.counters, worker: 0 };
  const plane = new QuicPlane({ ...parts, sockets: network });
  const identities = [{ ...world.authority.issue({ names: [SERVER_NAME] }), names: [SERVER_NAME] }];
  const plan = memoryPlan({
    quic: { identities },
    listener: { host: HOST, port: 4433, address: `${HOST}:4433` },
  });
  await plane.open(plan);
  const generation = compileGeneration(plan, gateway.pools, transport, plane);
  const [runtime] = generation.listeners.values();
  assert.ok(runtime !== undefined);
  const listener = await QuicListener.bind({
    context: { ...worker, clock, wheel },
    plane,
    generation,
    runtime,
  });
  context.after(() => listener.close());
  listener.accept();
  const clients = await world.client(world.environment(1), TRANSPORT);
  const remote = udpAddress(HOST, 4433);
  clients.connect(remote, { alpn: ["h3"] });
  await waitFor("the handshake", () => gateway.global("tls_handshakes_total") === 1);
  assert.equal(listener.openConnections, 1);

  network.scarce = true;
  network.bound[0]?.fail("EIO");
  assert.equal(listener.openConnections, 0);
  assert.equal(listener.port, 4433);
  await waitFor("an attempt that fails", () => lines.length === 2);
  network.scarce = false;
  await waitFor("one that does not", () => lines.length === 3);
  assert.deepEqual(lines, [
    "the socket of a QUIC listener has failed web,EIO",
    "a QUIC listener cannot be bound again web,EADDRNOTAVAIL",
    "a QUIC listener is bound again web",
  ]);
  const after = clients.connect(remote, { alpn: ["h3"] });
  await waitFor("the handshake", () => after.established);
  assert.equal(listener.openConnections, 1);
});
