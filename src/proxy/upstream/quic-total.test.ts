import assert from "node:assert/strict";
import { test } from "node:test";
import { QuicTotal } from "./quic-total.ts";

test("a connection that makes way gives up one place, not two", () => {
  const total = new QuicTotal();
  const found: boolean[] = [];
  const resting = {
    leave(): void {
      // Its backend has requests that wait, and asks at once.
      found.push(total.hasRoom(1));
      total.woken(resting);
      total.free(1);
    },
  };
  total.take(1);
  assert.equal(total.hasRoom(1), false);
  total.rested(resting, 1);
  assert.equal(total.hasRoom(1), true);
  total.take(1);
  assert.deepEqual(found, [false]);
  assert.equal(total.hasRoom(1), false);
  total.free(1);
  assert.equal(total.hasRoom(1), true);
});

test("who waits for a place is told once, of the next that is free", () => {
  const total = new QuicTotal();
  let told = 0;
  const waiting = {
    placeFree(): void {
      told += 1;
      total.take(2);
    },
  };
  total.take(2);
  total.take(2);
  total.want(waiting);
  assert.equal(told, 0);
  total.free(2);
  total.free(2);
  assert.equal(told, 1);
});
