import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import type { ListenerCurrent } from "../listener/listener-current.ts";
import { H2Deadlines, type H2Due, type H2Progress } from "./h2-deadlines.ts";

const current: ListenerCurrent = new MemoryGateway({
  http: { headerTimeoutMs: 8000, keepaliveTimeoutMs: 20_000 },
  runtime: { headerDeadlineMs: 5000 },
  h2: { keepAliveIntervalMs: 3000, keepAliveTimeoutMs: 4000 },
}).socket.current;

const QUIET: H2Progress = {
  partialSinceMs: Infinity,
  pingSentMs: Infinity,
  settingsSentMs: Infinity,
  streamCount: 0,
};

/** What is due at `atMs`, and not yet one before; `next` has to say the same. */
function check(
  deadlines: H2Deadlines,
  progress: Partial<H2Progress>,
  expected: { readonly due: H2Due; readonly atMs: number },
): void {
  const whole = { ...QUIET, ...progress };
  assert.equal(deadlines.next(whole, current), expected.atMs);
  if (expected.atMs === Infinity) return;
  assert.equal(deadlines.due(expected.atMs - 1, whole, current), "nothing");
  assert.equal(deadlines.due(expected.atMs, whole, current), expected.due);
}

test("a first request has to come within the header timeout", () => {
  check(new H2Deadlines(100), {}, { due: "idle", atMs: 8100 });
});

test("a connection may rest for the keep-alive timeout", () => {
  const deadlines = new H2Deadlines(100);
  deadlines.used = true;
  deadlines.idleSinceMs = 1000;
  check(deadlines, {}, { due: "idle", atMs: 21_000 });
});

test("while streams are open a silent client is asked whether it is there", () => {
  const deadlines = new H2Deadlines(100);
  deadlines.heardMs = 500;
  check(deadlines, { streamCount: 1 }, { due: "ping", atMs: 3500 });
});

test("a client that does not answer is dead, unless it says something else", () => {
  const deadlines = new H2Deadlines(100);
  check(deadlines, { streamCount: 1, pingSentMs: 3100 }, { due: "dead", atMs: 7100 });
  deadlines.heardMs = 6000;
  check(deadlines, { streamCount: 1, pingSentMs: 3100 }, { due: "dead", atMs: 10_000 });
});

test("what has begun has to end within the time for a head", () => {
  const deadlines = new H2Deadlines(100);
  check(deadlines, { partialSinceMs: 1000 }, { due: "late_frame", atMs: 6000 });
});

test("a first request that comes in pieces is late when its time is over, a later one rests", () => {
  const deadlines = new H2Deadlines(100);
  check(deadlines, { partialSinceMs: 7000 }, { due: "late_frame", atMs: 8100 });
  deadlines.used = true;
  deadlines.idleSinceMs = 1000;
  check(deadlines, { partialSinceMs: 20_000 }, { due: "idle", atMs: 21_000 });
});

test("our settings have to be acknowledged", () => {
  check(new H2Deadlines(100), { settingsSentMs: 100 }, { due: "late_settings", atMs: 4100 });
});
