import assert from "node:assert/strict";
import { test } from "node:test";
import type { QuicStats } from "../../fastpath/quic-engine.ts";
import { PacketWatch } from "./packet-watch.ts";

function stats(packetsReceived: number, packetsSent: number): QuicStats {
  return {
    packetsReceived,
    packetsSent,
    packetsLost: 0,
    bytesReceived: 0,
    bytesSent: 0,
    roundTripMs: 1,
    congestionWindowBytes: 12_000,
    deliveryBytesPerSecond: 0,
  };
}

test("a peer that is sent nothing is not silent, but asked", () => {
  const watch = new PacketWatch(0);
  assert.equal(watch.look(stats(10, 10), 1000), false);
  // The acknowledgement of what came last.
  for (let nowMs = 2000; nowMs < 4000; nowMs += 1000) assert.equal(watch.look(stats(10, 11), nowMs), false);
  assert.equal(watch.look(stats(10, 11), 4000), true);
  assert.equal(watch.look(stats(10, 11), 5000), false);
  assert.equal(watch.doubtful, false);
  assert.equal(watch.silentMs(5000), 0);
  assert.equal(watch.look(stats(11, 12), 6000), false);
  assert.equal(watch.silentMs(6000), 0);
});

test("packets that nobody answers are a reason to doubt, until one is answered", () => {
  const watch = new PacketWatch(0);
  watch.look(stats(10, 10), 1000);
  watch.look(stats(10, 12), 2000);
  assert.equal(watch.doubtful, true);
  assert.equal(watch.silentMs(3000), 0);
  watch.look(stats(11, 14), 3000);
  assert.equal(watch.doubtful, false);
  watch.look(stats(11, 15), 4000);
  assert.equal(watch.doubtful, false);
});

test("a peer that answers nothing is silent from when that was seen, until it is heard", () => {
  const watch = new PacketWatch(0);
  watch.look(stats(10, 10), 2000);
  watch.look(stats(10, 13), 4000);
  assert.equal(watch.silentMs(4000), 0);
  watch.look(stats(10, 14), 6000);
  watch.look(stats(10, 16), 8000);
  assert.equal(watch.silentMs(9000), 3000);
  watch.look(stats(11, 17), 10_000);
  assert.equal(watch.silentMs(10_000), 0);
  watch.look(stats(11, 20), 12_000);
  assert.equal(watch.silentMs(20_000), 0);
});

test("PINGs that nobody answers make a silence", () => {
  const watch = new PacketWatch(0);
  let sent = 10;
  let pings = 0;
  for (let nowMs = 1000; nowMs <= 12_000; nowMs += 1000) {
    if (watch.look(stats(10, sent), nowMs)) {
      pings += 1;
      sent += 4;
    }
  }
  assert.equal(pings, 3);
  assert.equal(watch.silentMs(12_000), 7000);
});
