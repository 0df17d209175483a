import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryNetwork, udpAddress } from "../../../test/support/memory-udp.ts";
import { QuicWorld } from "../../../test/support/quic-world.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { UDP_LOCAL, UDP_RECORD_WORDS, UDP_REMOTE, UDP_REMOTE_PORT } from "../../fastpath/udp.ts";
import { CONNECTION_ID_BYTES } from "../../wire/quic/connection-id.ts";
import { PacketHeader } from "../../wire/quic/packet-header.ts";
import { HandOver, type HandOverPeers, type HandOverTaker } from "./hand-over.ts";
import { HAND_OVER_SECRET_BYTES } from "./hand-over-frame.ts";
import type { QuicEnvironment } from "./quic-environment.ts";
import type { Arrival } from "./udp-paths.ts";

const PORT = 4433;
const DATAGRAM = Buffer.from("datagram");

/** A datagram between these addresses, at a socket that is bound to `socket`. */
function arrival(remote: string, local: string, socket: string): Arrival {
  const records = new Uint32Array(UDP_RECORD_WORDS);
  records.set(udpAddress(remote, 0).words, UDP_REMOTE);
  records[UDP_REMOTE_PORT] = 5000;
  records.set(local === "" ? [0, 0, 0, 0] : udpAddress(local, 0).words, UDP_LOCAL);
  return { records, at: 0, socketLocal: udpAddress(socket, PORT) };
}

/** A listener that notes its name for each datagram. */
function taker(name: string, host: string, into: string[]): HandOverTaker {
  return { local: udpAddress(host, PORT), takeOver: () => void into.push(name) };
}

async function handOver(
  world: QuicWorld,
  environment: QuicEnvironment,
  peers: HandOverPeers,
): Promise<HandOver> {
  const secret = new Uint8Array(HAND_OVER_SECRET_BYTES).fill(1);
  const opened = await HandOver.open(world.sockets, { environment, peers, secret });
  world.onClose(() => opened.close());
  return opened;
}

test("of several listeners on a port, the one takes over whose address it was sent to", async (context) => {
  const world = await QuicWorld.open(new MemoryNetwork());
  context.after(() => world.close());
  const environment = world.environment(0);
  const other = await handOver(world, world.environment(1), { portOf: () => 0, takers: [] });
  const own = await handOver(world, environment, { portOf: () => other.port, takers: [] });
  const took: string[] = [];
  const exact = taker("exact", "192.0.2.1", took);
  for (const each of [taker("any v6", "::", took), taker("any v4", "0.0.0.0", took), exact]) {
    other.register(each);
  }
  const takes = async (from: Arrival): Promise<string> => {
    took.length = 0;
    assert.ok(own.forward(1, DATAGRAM, 0, DATAGRAM.length, from));
    environment.pump.run();
    return await waitFor("somebody to take it", () => took[0]);
  };
  assert.equal(await takes(arrival("198.51.100.1", "192.0.2.1", "192.0.2.1")), "exact");
  assert.equal(await takes(arrival("198.51.100.1", "192.0.2.2", "0.0.0.0")), "any v4");
  assert.equal(await takes(arrival("2001:db8::1", "2001:db8::2", "::")), "any v6");
  // Where the socket cannot tell.
  assert.equal(await takes(arrival("198.51.100.1", "", "0.0.0.0")), "any v4");
  other.unregister(exact);
  assert.equal(await takes(arrival("198.51.100.1", "192.0.2.1", "192.0.2.1")), "any v4");
});

test("new clients go to a worker that takes them, the same for the same connection ID", async (context) => {
  const world = await QuicWorld.open(new MemoryNetwork());
  context.after(() => world.close());
  const environment = world.environment(0);
  const took: string[] = [];
  const ports = [0];
  for (const worker of [1, 2]) {
    const each = await handOver(world, world.environment(worker), { portOf: () => 0, takers: [] });
    each.register(taker(`worker ${worker}`, "0.0.0.0", took));
    ports.push(each.port);
  }
  let takers: readonly number[] = [];
  const own = await handOver(world, environment, {
    portOf: (worker) => ports[worker] ?? 0,
    get takers() {
      return takers;
    },
  });
  const initial = (...dcid: number[]): Buffer =>
    Buffer.from([0xc0, 0, 0, 0, 1, dcid.length, ...dcid, 0, 0, 1, 0]);
  const from = arrival("198.51.100.1", "192.0.2.1", "0.0.0.0");
  const takes = async (bytes: Buffer): Promise<string> => {
    took.length = 0;
    const header = new PacketHeader();
    assert.ok(header.parse(bytes, 0, bytes.length, CONNECTION_ID_BYTES));
    if (!own.forwardNew(header, 0, bytes.length, from)) return "nobody";
    environment.pump.run();
    return await waitFor("somebody to take it", () => took[0]);
  };
  assert.equal(await takes(initial(9, 9, 9, 9, 9, 9, 9, 1)), "nobody");
  takers = [1, 2];
  assert.equal(await takes(initial(9, 9, 9, 9, 9, 9, 9, 1)), "worker 2");
  assert.equal(await takes(initial(9, 9, 9, 9, 9, 9, 9, 2)), "worker 1");
  // What looks like one of ours names its worker, which has answered already.
  assert.equal(await takes(initial(9, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 1)), "worker 1");
  assert.equal(await takes(initial(9, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 1)), "worker 2");
  takers = [2];
  assert.equal(await takes(initial(9, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 2)), "worker 2");
});
