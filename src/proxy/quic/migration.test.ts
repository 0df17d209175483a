import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { type MemoryDatagram, MemoryNetwork, udpAddress } from "../../../test/support/memory-udp.ts";
import { varint } from "../../../test/support/quic-initial.ts";
import { type NotingOwner, Pour } from "../../../test/support/quic-owners.ts";
import { clientSecret, QuicSealer } from "../../../test/support/quic-sealer.ts";
import { QuicWorld, type Tally, type TestListener, TRANSPORT } from "../../../test/support/quic-world.ts";
import { pause, waitFor } from "../../../test/support/wait-for.ts";
import type { UdpAddress } from "../../fastpath/udp.ts";
import { CONNECTION_ID_BYTES } from "../../wire/quic/connection-id.ts";
import { MAX_AMPLIFICATION } from "./address-proof.ts";

const BOUND = { timeout: 60_000 };
const KIB = 1024;
const MIB = 1024 * KIB;
/** Small, so that a download lasts for many round trips. */
const CLIENT_TRANSPORT = { ...TRANSPORT, streamWindowBytes: 128 * KIB, disableActiveMigration: false };
/** Far more than a move takes, and far less than what it took when packets to the old address were waited for. */
const STEP = { timeoutMs: 5000 };
const worlds: QuicWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

interface Scene {
  readonly network: MemoryNetwork;
  readonly listener: TestListener;
  readonly counters: Tally;
  readonly client: NotingOwner;
  /** The gateway's and the client's own. */
  readonly at: UdpAddress;
  readonly home: number;
  readonly served: NotingOwner;
  readonly keyLogPath: string;
}

/** A client that is established, whose streams are answered by so many octets. */
async function scene(octets: number): Promise<Scene> {
  const network = new MemoryNetwork();
  const world = await QuicWorld.open(network);
  worlds.push(world);
  const environment = world.environment();
  const serve = (owner: NotingOwner): void => {
    const pours = new Map<number, Pour>();
    owner.onData = (id) => {
      if (pours.has(id)) return;
      const pour = new Pour(owner.link, id, octets);
      pours.set(id, pour);
      pour.go();
    };
    owner.onWritable = (id) => pours.get(id)?.go();
  };
  const settings = { transport: { ...TRANSPORT, disableActiveMigration: false } };
  const listener = await world.listener(environment, { serve, settings });
  const clients = await world.client(world.environment(1), CLIENT_TRANSPORT);
  const at = udpAddress("127.0.0.1", listener.endpoint.port);
  const folder = mkdtempSync(join(tmpdir(), "quic-migration-"));
  world.onClose(() => rmSync(folder, { recursive: true }));
  const keyLogPath = join(folder, "keys");
  const client = clients.connect(at, { keyLogPath });
  client.keep = false;
  await waitFor("the handshake", () => client.established && listener.served[0]?.established);
  const served = listener.served[0] as NotingOwner;
  return {
    network,
    listener,
    counters: environment.counters,
    client,
    at,
    home: served.link.remotePort,
    served,
    keyLogPath,
  };
}

/** From `port` on behalf of the client; what goes to any other is lost. */
function moveTo({ network, home, at }: Scene, port: number): void {
  network.transit = (datagram) => {
    const { from, to } = datagram;
    if (to.port === at.port)
      return from.port === home ? [{ ...datagram, from: { ...from, port } }] : [datagram];
    return to.port === port ? [{ ...datagram, to: { ...to, port: home } }] : [];
  };
}

test(
  "a download goes on at once after each of twenty moves, with nobody at the old address",
  BOUND,
  async (t) => {
    const moving = await scene(64 * MIB);
    const { client, counters, served } = moving;
    const id = client.say("a download");
    const stream = client.stream(id);
    let longestMs = 0;
    for (let move = 1; move <= 20; move++) {
      const goal = stream.octets + MIB;
      await waitFor("some of it", () => stream.octets >= goal, { ...STEP, everyMs: 1 });
      moveTo(moving, 50_000 + move);
      // An address translator shows the new address with the next packet, which may be an acknowledgement.
      client.link.engine.ping();
      client.link.wake();
      client.link.flush();
      const beganMs = performance.now();
      const more = stream.octets + 256 * KIB;
      await waitFor(`more of it after move ${move}`, () => stream.octets >= more, { ...STEP, everyMs: 1 });
      longestMs = Math.max(longestMs, performance.now() - beganMs);
    }
    t.diagnostic(`${Math.round(longestMs)} ms at most until 256 KiB more`);
    assert.equal(served.link.remotePort, 50_020);
    assert.equal(counters.get("quic_migrations_total"), 20);
    await waitFor("the end", () => stream.ended, { timeoutMs: 20_000 });
    assert.equal(stream.octets, 64 * MIB);
  },
);

test(
  "copies of a client's packets that overtake them neither stall its download nor bring much to anybody",
  BOUND,
  async (t) => {
    const { network, client, at, home, served } = await scene(8 * MIB);
    const [from, to] = [new Map<number, number>(), new Map<number, number>()];
    let packets = 0;
    network.transit = (datagram) => {
      const { bytes, to: target } = datagram;
      if (target.port === at.port) {
        // Each from one of four addresses.
        const port = 60_000 + (packets++ % 4);
        from.set(port, (from.get(port) ?? 0) + bytes.length);
        return [{ ...datagram, bytes: Buffer.from(bytes), from: { ...datagram.from, port } }, datagram];
      }
      if (target.port === home) return [datagram];
      to.set(target.port, (to.get(target.port) ?? 0) + bytes.length);
      return [];
    };
    const beganMs = performance.now();
    const stream = client.stream(client.say("a download"));
    await waitFor("the download", () => stream.ended, { timeoutMs: 20_000 });
    t.diagnostic(`${Math.round(performance.now() - beganMs)} ms`);
    assert.equal(stream.octets, 8 * MIB);
    assert.equal(served.link.remotePort, home);
    for (const [port, octets] of to) {
      const limit = MAX_AMPLIFICATION * (from.get(port) ?? 0);
      assert.ok(octets <= limit, `${octets} octets went to ${port}, and ${limit} might`);
    }
  },
);

test(
  "one packet that is only seen from elsewhere brings three times as much there, until the client speaks",
  BOUND,
  async () => {
    const { network, client, at, home, served, counters } = await scene(4 * MIB);
    let [from, to] = [0, 0];
    network.transit = (datagram) => {
      if (datagram.to.port === at.port && from === 0 && datagram.bytes.length < 200) {
        from = datagram.bytes.length;
        return [{ ...datagram, from: { ...datagram.from, port: 60_000 } }];
      }
      if (datagram.to.port === 60_000) {
        to += datagram.bytes.length;
        return [];
      }
      return [datagram];
    };
    const stream = client.stream(client.say("a download"));
    await waitFor("the download", () => stream.ended, { timeoutMs: 20_000 });
    assert.equal(stream.octets, 4 * MIB);
    assert.ok(to > 0 && to <= MAX_AMPLIFICATION * from, `${to} for ${from}`);
    assert.equal(served.link.remotePort, home);
    assert.equal(counters.get("quic_migrations_total"), 1);
  },
);

test("what comes again from elsewhere, or was made by somebody else, moves nothing", BOUND, async () => {
  const { network, client, at, home, served, counters } = await scene(MIB);
  const seen: MemoryDatagram[] = [];
  network.transit = (datagram) => {
    if (datagram.to.port === at.port) seen.push({ ...datagram, bytes: Buffer.from(datagram.bytes) });
    else if (datagram.to.port !== home) assert.fail("a stranger is answered");
    return [datagram];
  };
  const stream = client.stream(client.say("a download"));
  await waitFor("the download", () => stream.ended);
  const copies = seen.splice(0);
  for (const copy of copies) {
    const from = { ...copy.from, port: 60_000 };
    const spoiled = Buffer.from(copy.bytes);
    spoiled[spoiled.length - 1] = (spoiled.at(-1) as number) ^ 1;
    network.inject({ ...copy, from });
    network.inject({ ...copy, from, bytes: spoiled });
  }
  await pause(50);
  assert.equal(served.link.remotePort, home);
  assert.equal(counters.get("quic_migrations_total"), 0);
  assert.ok(copies.length > 5);
});

const PING = Buffer.of(1);
const CHALLENGE = Buffer.from("1a0102030405060708", "hex");

function newConnectionId(number: number, retirePriorTo: number): Buffer {
  const head = Buffer.concat([Buffer.of(0x18), varint(number), varint(retirePriorTo), Buffer.of(8)]);
  return Buffer.concat([head, Buffer.alloc(8, number), Buffer.alloc(16, number)]);
}

/** Frames of one packet, and whether it comes from elsewhere: with these, quiche went round for ever over two paths (CVE-2025-7054). */
const ENDLESS: readonly (readonly [frames: readonly Buffer[], away: boolean])[] = [
  [[newConnectionId(3, 0), newConnectionId(3, 0)], true],
  [[newConnectionId(4, 2), CHALLENGE, PING], false],
  [[newConnectionId(5, 5), newConnectionId(3, 0)], true],
  [[PING], false],
];

test("new connection IDs over two addresses come to an end", BOUND, async () => {
  for (const beginsAway of [true, false]) {
    const { network, at, home, served, client, keyLogPath } = await scene(MIB);
    let id: Buffer | null = null;
    network.transit = (datagram) => {
      if (datagram.to.port === at.port)
        id ??= Buffer.from(datagram.bytes.subarray(1, 1 + CONNECTION_ID_BYTES));
      return [];
    };
    client.say("silenced");
    client.link.flush();
    await waitFor("a packet", () => id !== null);
    const sealer = new QuicSealer(clientSecret(keyLogPath));
    for (const [frames, away] of ENDLESS) {
      const from = udpAddress("127.0.0.1", away === beginsAway ? 60_000 : home);
      const bytes = sealer.seal(Buffer.concat(frames), id as unknown as Buffer);
      network.transit = (datagram) => (datagram.bytes === bytes ? [datagram] : []);
      const before = served.link.engine.authenticOctets();
      network.inject({ bytes, from, to: at });
      await waitFor("the packet", () => served.link.engine.authenticOctets() > before);
    }
    assert.equal(served.closed, null);
  }
});
