import assert from "node:assert/strict";
import { test } from "node:test";
import { EndRoom } from "./end-room.ts";

test("each end takes room until it is sent", () => {
  const room = new EndRoom();
  assert.deepEqual(
    [room.take(99), room.take(250), room.take(250), room.take(250)],
    [false, true, true, false],
  );
  room.sent(0);
  assert.equal(room.take(100), true);
});

test("what packets take beyond what was written is no room, until the peer is heard", () => {
  const room = new EndRoom();
  room.written(10_000);
  assert.equal(room.take(929), true, "before what waits");
  room.sent(8000);
  room.written(1000);
  room.sent(3900);
  assert.deepEqual([room.take(999), room.take(1000)], [false, true]);
  room.received();
  room.sent(0);
  assert.equal(room.take(100), true);
});

test("what is sent again, or was written before the peer was heard, takes room as well", () => {
  const room = new EndRoom();
  room.written(5000);
  room.received();
  room.sent(5200);
  assert.deepEqual([room.take(5299), room.take(5300)], [false, true]);
});
