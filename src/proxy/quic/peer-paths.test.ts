import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { udpAddress } from "../../../test/support/memory-udp.ts";
import type { QuicStats } from "../../fastpath/quic-engine.ts";
import { UDP_LOCAL, UDP_RECORD_WORDS, UDP_REMOTE, UDP_REMOTE_PORT } from "../../fastpath/udp.ts";
import { PeerPaths } from "./peer-paths.ts";
import type { WitnessEngine } from "./path-trial.ts";
import type { Arrival } from "./udp-paths.ts";

const LOCAL = udpAddress("192.0.2.1", 443);
const HOME = 1000;
const AWAY = 2000;
const ROUND_TRIP_MS = 100;
/** A round trip, and what an acknowledgement may be held back. */
const RIPE_MS = ROUND_TRIP_MS + 50;

/** An engine that believes what it is told to. */
class Witness implements WitnessEngine {
  octets = 0;
  acknowledged = 0;

  authenticOctets(): number {
    return this.octets;
  }

  stats(): QuicStats {
    return {
      packetsReceived: 0,
      packetsSent: 0,
      packetsLost: 0,
      bytesReceived: this.octets,
      bytesSent: 0,
      roundTripMs: ROUND_TRIP_MS,
      congestionWindowBytes: 12_000,
      deliveryBytesPerSecond: this.acknowledged,
    };
  }
}

let paths: PeerPaths;
let witness: Witness;
let nowMs: number;

beforeEach(() => {
  paths = new PeerPaths({ local: LOCAL, remote: udpAddress("198.51.100.7", HOME) }, null);
  witness = new Witness();
  nowMs = 1000;
});

function from(port: number): Arrival {
  const records = new Uint32Array(UDP_RECORD_WORDS);
  const { words } = udpAddress("198.51.100.7", port);
  records.set(words, UDP_REMOTE);
  records.set(LOCAL.words, UDP_LOCAL);
  records[UDP_REMOTE_PORT] = port;
  return { records, at: 0, socketLocal: LOCAL };
}

/** A packet of 100 octets. Returns whether it was a move. */
function hear(port: number, is: "new" | "acknowledging" | "not new" = "new"): boolean {
  const arrival = from(port);
  if (paths.isHome(arrival, nowMs)) return false;
  paths.arriving(arrival, witness, nowMs);
  if (is !== "not new") witness.octets += 100;
  if (is === "acknowledging") witness.acknowledged += 1;
  return paths.arrived(arrival, 100, witness, nowMs);
}

function at(): number {
  return paths.current.remote.port;
}

test("replies follow an authentic packet, three times what came from there", () => {
  assert.equal(paths.allowance, Infinity);
  assert.equal(hear(AWAY, "not new"), false);
  assert.equal(at(), HOME);
  assert.equal(hear(AWAY), true);
  assert.equal(at(), AWAY);
  assert.equal(paths.remoteAddress, "198.51.100.7");
  assert.equal(paths.allowance, 300);
  paths.sent(250, nowMs);
  assert.equal(paths.allowance, 50);
  assert.equal(hear(AWAY), false);
  assert.equal(paths.allowance, 350);
  assert.equal(hear(AWAY, "not new"), false);
  assert.equal(paths.allowance, 350);
});

test("an address is proven by what is acknowledged from there when all has gone there for a round trip", () => {
  hear(AWAY);
  nowMs += RIPE_MS;
  // Nothing has been sent there.
  hear(AWAY, "acknowledging");
  assert.notEqual(paths.allowance, Infinity);
  paths.sent(100, nowMs);
  nowMs += RIPE_MS - 1;
  hear(AWAY, "acknowledging");
  assert.notEqual(paths.allowance, Infinity);
  nowMs += 1;
  hear(AWAY);
  assert.notEqual(paths.allowance, Infinity);
  hear(AWAY, "acknowledging");
  assert.equal(paths.allowance, Infinity);
  assert.equal(at(), AWAY);
  // Where it was is an address like any other now.
  assert.equal(hear(HOME), true);
  assert.equal(paths.allowance, 300);
});

test("what comes from somewhere else proves nothing, nor does what is acknowledged after packets went elsewhere", () => {
  hear(AWAY);
  paths.sent(100, nowMs);
  nowMs += RIPE_MS;
  hear(HOME);
  assert.equal(at(), HOME);
  nowMs += RIPE_MS;
  hear(AWAY, "acknowledging");
  assert.equal(at(), AWAY);
  assert.notEqual(paths.allowance, Infinity);
  paths.sent(100, nowMs);
  nowMs += RIPE_MS;
  hear(AWAY + 1, "acknowledging");
  assert.equal(at(), AWAY + 1);
  assert.equal(paths.allowance, 300);
});

test("any packet from home brings the replies back, and the longer each time before an address is followed", () => {
  let lastMs = 0;
  for (let i = 0; i < 10; i++) {
    hear(AWAY + i);
    assert.equal(at(), AWAY + i);
    hear(HOME, "not new");
    assert.equal(at(), HOME);
    assert.equal(paths.allowance, Infinity);
    const beganMs = nowMs;
    while (!hear(AWAY + i + 1) && nowMs - beganMs < 10_000) nowMs += 10;
    assert.ok(nowMs - beganMs >= lastMs && nowMs - beganMs <= 2010, `${nowMs - beganMs} ms`);
    lastMs = nowMs - beganMs;
    hear(HOME);
    nowMs += 10_000;
  }
  assert.ok(lastMs >= 2000);
});

test("while nobody is heard, both addresses are tried in turn, until one has been silent for long", () => {
  hear(AWAY);
  paths.onTimeout(nowMs);
  assert.equal(at(), AWAY);
  const tried: number[] = [];
  for (let i = 0; i < 4; i++) {
    nowMs += 1000;
    paths.onTimeout(nowMs);
    tried.push(at());
  }
  assert.deepEqual(tried, [HOME, AWAY, HOME, AWAY]);
  nowMs += 10_000;
  paths.onTimeout(nowMs);
  assert.equal(at(), HOME);
  nowMs += 1000;
  paths.onTimeout(nowMs);
  assert.equal(at(), HOME);
});

test("a packet that was overtaken takes the replies away for no longer than until the next one", () => {
  hear(AWAY);
  paths.sent(100, nowMs);
  nowMs += RIPE_MS;
  hear(AWAY, "acknowledging");
  assert.equal(hear(HOME), true);
  assert.equal(at(), HOME);
  hear(AWAY, "not new");
  assert.equal(at(), AWAY);
  assert.equal(paths.allowance, Infinity);
});

test("a handshake that goes on from elsewhere proves nothing about where it began", () => {
  const dcid = Buffer.from("a client's choice");
  paths = new PeerPaths({ local: LOCAL, remote: udpAddress("198.51.100.7", HOME) }, dcid);
  const toAnother = Buffer.alloc(100, 0x40);
  paths.received(Buffer.concat([Buffer.of(0x40), dcid]), 0, 1 + dcid.length);
  assert.equal(paths.allowance, 3 * (1 + dcid.length));
  const arrival = from(AWAY);
  paths.arriving(arrival, witness, nowMs);
  paths.received(toAnother, 0, 100);
  witness.octets += 100;
  paths.arrived(arrival, 100, witness, nowMs);
  assert.equal(at(), AWAY);
  hear(HOME);
  assert.equal(paths.allowance, 3 * (1 + dcid.length));
  nowMs += 1000;
  hear(AWAY);
  paths.sent(100, nowMs);
  nowMs += RIPE_MS;
  hear(AWAY, "acknowledging");
  assert.equal(at(), AWAY);
  assert.equal(paths.allowance, Infinity);
});
