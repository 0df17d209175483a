import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ReceiveWindow } from "./receive-window.ts";

test("room is announced in halves of the window", () => {
  const window = new ReceiveWindow(1000);
  assert.equal(window.take(900), true);
  assert.equal(window.give(400), 0);
  assert.equal(window.give(99), 0);
  assert.equal(window.give(1), 500);
  assert.equal(window.available, 600);
  assert.equal(window.heldBytes, 400);
});

test("more than the window is told", () => {
  const window = new ReceiveWindow(10);
  assert.equal(window.take(10), true);
  assert.equal(window.take(0), true);
  assert.equal(window.take(1), false);
});

test("a smaller window may become negative, and opens again by what is given back", () => {
  const window = new ReceiveWindow(65_535);
  assert.equal(window.take(60_000), true);
  window.resize(1000);
  assert.equal(window.available, 1000 - 60_000);
  assert.equal(window.give(60_000), 60_000);
  assert.equal(window.available, 1000);
});

test("what is held, announced and still to be announced adds up to the window, always", () => {
  const step = fc.record({ take: fc.nat({ max: 500 }), share: fc.double({ min: 0, max: 1, noNaN: true }) });
  fc.assert(
    fc.property(fc.nat({ max: 4000 }), fc.array(step), (size, steps) => {
      const window = new ReceiveWindow(size);
      let unannounced = 0;
      for (const { take, share } of steps) {
        window.take(Math.min(take, window.available));
        const given = Math.floor(window.heldBytes * share);
        const increment = window.give(given);
        unannounced += given - increment;
        assert.equal(window.available + window.heldBytes + unannounced, size);
        assert.ok(unannounced === 0 || unannounced * 2 < size);
      }
    }),
  );
});
