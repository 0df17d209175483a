import assert from "node:assert/strict";
import { test } from "node:test";
import {
  HANDSHAKE_OCTETS,
  IN_FLIGHT_OCTETS,
  LATE_OCTETS,
  OctetBudget,
  STANDING_OCTETS,
} from "./octet-budget.ts";

const CONNECTION_WINDOW = 10 * 1024 * 1024;
const STREAM_WINDOW = 1024 * 1024;
const NONE = { receiving: 0, paused: 0, allPaused: false };

function budget(): OctetBudget {
  return new OctetBudget(CONNECTION_WINDOW, STREAM_WINDOW, 0);
}

test("a handshake has its own bound", () => {
  const spent = budget();
  spent.received(HANDSHAKE_OCTETS);
  assert.equal(spent.exceeded(false, NONE, 0), false);
  spent.received(1);
  assert.equal(spent.exceeded(false, NONE, 1e9), true, "time does not pay for it");
});

test("after our close a peer is heard for a while only", () => {
  const spent = budget();
  assert.equal(spent.late(LATE_OCTETS), false);
  assert.equal(spent.late(1), true);
});

test("what brings about nothing ends at the standing allowance", () => {
  const spent = budget();
  spent.received(STANDING_OCTETS);
  assert.equal(spent.exceeded(true, NONE, 0), false);
  spent.received(1);
  assert.equal(spent.exceeded(true, NONE, 0), true);
});

test("data that are handed on pay for themselves and their headers, however much there is", () => {
  const spent = budget();
  for (let i = 0; i < 100_000; i++) {
    spent.received(1350);
    spent.delivered(1300);
    assert.equal(spent.exceeded(true, NONE, 0), false);
  }
  for (let i = 0; i < 100_000; i++) {
    spent.received(60);
    spent.delivered(1);
  }
  assert.equal(spent.exceeded(true, NONE, 0), false, "small pieces too");
});

test("acknowledgements are paid for by what was written", () => {
  const spent = budget();
  for (let i = 0; i < 100_000; i++) {
    spent.written(16_384);
    for (let packet = 0; packet < 12; packet++) spent.received(150);
    assert.equal(spent.exceeded(true, NONE, 0), false);
  }
});

test("nothing is saved up: a connection that was of use for long is bounded as any other", () => {
  const spent = budget();
  for (let i = 0; i < 1000; i++) spent.delivered(100_000);
  spent.received(STANDING_OCTETS + 1);
  assert.equal(spent.exceeded(true, NONE, 0), true);
});

test("streams add what may be on its way, paused ones a window each, up to the connection's", () => {
  const cases = [
    { streams: { receiving: 1, paused: 0, allPaused: false }, more: STREAM_WINDOW },
    { streams: { receiving: 16, paused: 0, allPaused: false }, more: IN_FLIGHT_OCTETS },
    { streams: { receiving: 3, paused: 3, allPaused: false }, more: IN_FLIGHT_OCTETS + 3 * STREAM_WINDOW },
    { streams: { receiving: 100, paused: 100, allPaused: false }, more: CONNECTION_WINDOW },
    { streams: { receiving: 0, paused: 0, allPaused: true }, more: CONNECTION_WINDOW },
  ];
  for (const { streams, more } of cases) {
    const spent = budget();
    spent.received(STANDING_OCTETS + more);
    assert.equal(spent.exceeded(true, streams, 0), false);
    spent.received(1);
    assert.equal(spent.exceeded(true, streams, 0), true);
  }
});

test("time pays for a PING now and then", () => {
  const spent = budget();
  for (let second = 1; second <= 100_000; second++) {
    spent.received(50 * 40);
    assert.equal(spent.exceeded(true, NONE, second * 1000), false, `after ${second} s`);
  }
  spent.received(2 * STANDING_OCTETS);
  assert.equal(spent.exceeded(true, NONE, 100_000_001), true);
});

test("a stream that is cut short leaves no debt, but nobody lives on streams that are", () => {
  const spent = budget();
  spent.received(STREAM_WINDOW);
  spent.cutShort();
  assert.equal(spent.exceeded(true, NONE, 0), false);
  let rounds = 0;
  while (!spent.exceeded(true, NONE, 0) && rounds < 1000) {
    spent.received(STREAM_WINDOW);
    spent.cutShort();
    rounds += 1;
  }
  assert.ok(rounds <= CONNECTION_WINDOW / STREAM_WINDOW + 1, `${rounds} rounds`);
});

test("what was not the peer's is forgiven, once", () => {
  const spent = budget();
  spent.received(STANDING_OCTETS + 1);
  assert.equal(spent.exceeded(true, NONE, 0), true);
  spent.forgive(1000);
  assert.equal(spent.exceeded(true, NONE, 0), false);
  spent.received(STANDING_OCTETS - 1000);
  assert.equal(spent.exceeded(true, NONE, 0), false);
  spent.received(1);
  assert.equal(spent.exceeded(true, NONE, 0), true);
  spent.forgive(1000 + STANDING_OCTETS - 999);
  assert.equal(spent.exceeded(true, NONE, 0), true, "all of the rest was its own");
});
