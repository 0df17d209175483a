import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { echo, type NotingOwner, Pour } from "../../../test/support/quic-owners.ts";
import { RelayWorld } from "../../../test/support/quic-relay-world.ts";
import { QuicWorld } from "../../../test/support/quic-world.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { Clock } from "../../base/clock.ts";
import { nativeAddon } from "../../fastpath/native-addon.ts";
import { openUdp } from "../../fastpath/open-udp.ts";

const BOUND = { timeout: 60_000 };
const KIND = nativeAddon() === null ? "net" : "epoll";
/** The octets of a `Pour`. */
const UPLOAD = 0x78;
const worlds: QuicWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

/** Echoes, and reads no more of what begins as a `Pour`. */
function serve(backend: NotingOwner): void {
  echo(backend);
  const answer = backend.onData;
  backend.onData = (id, bytes, start, end, fin) => {
    if (bytes[start] === UPLOAD) backend.link.pause(id);
    else answer(id, bytes, start, end, fin);
  };
}

async function open(): Promise<RelayWorld> {
  const clock = new Clock();
  const world = await QuicWorld.open(openUdp(KIND, clock), clock);
  worlds.push(world);
  // A peer's stream that is not read takes little of what others have.
  const ends = { streamWindowBytes: 4096, maxBidirectionalStreams: 100 };
  return await RelayWorld.open(world, { serve, ends });
}

/** An upload that the backend does not read, when it has come to rest. */
async function stalledUpload(client: NotingOwner): Promise<number> {
  const id = client.link.openBidirectional();
  const pour = new Pour(client.link, id, 1024 * 1024);
  client.onWritable = (writable) => {
    if (writable === id) pour.go();
  };
  pour.go();
  let before = -1;
  await waitFor(
    "the upload to stall",
    () => {
      const rests = pour.left === before;
      before = pour.left;
      return rests;
    },
    { everyMs: 50 },
  );
  return id;
}

/** Small requests, one after the other; returns how many had their answers before the connection was over. */
async function answered(client: NotingOwner, count: number): Promise<number> {
  for (let i = 0; i < count; i++) {
    const id = client.say("a".repeat(2000));
    await waitFor("an answer, or a close", () => client.stream(id).ended || client.closed !== null);
    if (!client.stream(id).ended) return i;
  }
  return count;
}

test("cancelled uploads that use up the window end the connection, and a new one serves", BOUND, async () => {
  const relays = await open();
  const { client, backend } = await relays.connected();
  const asked = client.say("b".repeat(100), false);
  await waitFor("the first stream", () => client.stream(asked).octets === 100);
  for (let i = 0; relays.tally.get("quic_modeb_connections_worn_total") === 0; i++) {
    assert.ok(i < 20, "it is told in time");
    const id = await stalledUpload(client);
    client.link.reset(id, 7);
    client.link.stop(id, 7);
    await waitFor("the reset", () => backend.stream(id).resetCode === 7);
  }
  // What is under way comes to its end.
  client.link.write(asked, Buffer.from("c"), 0, 1, true);
  await waitFor("its end", () => client.stream(asked).ended);
  assert.equal(client.stream(asked).octets, 101);
  assert.equal(await answered(client, 300), 0);
  for (const end of [client, backend]) {
    await waitFor("the close", () => end.closed !== null);
    assert.deepEqual(end.closed, { by: "peer", application: false, code: 0, reason: "worn, begin anew" });
  }
  assert.equal(relays.tally.get("quic_modeb_connections_worn_total"), 1);
  assert.deepEqual(relays.gateway.allFaults, {});
  assert.equal(await answered(await relays.client(), 300), 300);
});

test("an upload that stalls does not hold up others, however much they bring", BOUND, async () => {
  const relays = await open();
  const { client } = await relays.connected();
  await stalledUpload(client);
  assert.equal(await answered(client, 300), 300);
  assert.equal(relays.tally.get("quic_modeb_connections_worn_total"), 0);
});
