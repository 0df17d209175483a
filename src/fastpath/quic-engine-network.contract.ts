/** The part of the QUIC contract about networks as they are: loss, duplicates, another order. */
import assert from "node:assert/strict";
import {
  connected,
  directions,
  establish,
  type Fault,
  namedTest,
  pair,
  type QuicEngineTraits,
  transfer,
  transportSettings,
} from "./quic-engine-peers.contract.ts";
import { pattern } from "./quic-engine-streams.contract.ts";

/** The same numbers in every run: 0 to 1. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function shuffled(packets: Buffer[], random: () => number): Buffer[] {
  return packets
    .map((packet) => ({ packet, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ packet }) => packet);
}

/** Holds a packet back until others have come. */
function delaying(random: () => number): Fault {
  let held: Buffer[] = [];
  return (packets) => {
    if (packets.length === 0) return held.splice(0);
    const now = [...packets.filter(() => random() < 0.7), ...held];
    held = packets.filter((packet) => !now.includes(packet));
    return now;
  };
}

function faults(): Record<string, Fault> {
  const random = randomNumbers(7);
  return {
    "loses one packet in ten": (packets) => packets.filter(() => random() >= 0.1),
    "doubles packets": (packets) =>
      packets.flatMap((packet) => [packet, Buffer.from(packet), Buffer.from(packet)]),
    "turns the order around": (packets) => packets.toReversed(),
    "shuffles, loses and doubles": (packets) =>
      shuffled(
        packets.flatMap((packet) => (random() < 0.1 ? [packet, Buffer.from(packet)] : [packet])),
        random,
      ).filter(() => random() >= 0.05),
  };
}

export function testNetwork(traits: QuicEngineTraits): void {
  const it = namedTest(traits);

  for (const [what, fault] of Object.entries(faults())) {
    it(`handshakes and bodies pass over a network that ${what}`, async () => {
      const network = pair(traits, {}, { fault });
      await establish(network);
      const body = pattern(150_000);
      for (const [from, to] of directions(network)) {
        const id = from === network.client ? 0 : 1;
        assert.ok((await transfer(network, [from, to], id, body)).equals(body));
      }
    });
  }

  it("packets that come late are taken", async () => {
    const random = randomNumbers(11);
    const network = await connected(traits);
    network.fault = delaying(random);
    const body = pattern(100_000);
    assert.ok((await transfer(network, [network.client, network.server], 0, body)).equals(body));
  });

  it("a network that carries nothing ends the connection", async () => {
    const transport = transportSettings({ maxIdleTimeoutMs: 50 });
    const network = await connected(traits, { client: { transport } });
    network.fault = () => [];
    network.client.writeStream(0, Buffer.from("into the void"), 0, 13, true);
    await network.until("both to be gone", () => network.client.closed && network.server.closed);
    assert.equal(network.client.closeReason?.by, "timeout");
    assert.equal(network.server.closeReason?.by, "timeout");
  });
}
