import assert from "node:assert/strict";
import { test } from "node:test";
import { type Pumped, QuicPump } from "./quic-pump.ts";

/** A pump whose deferred runs are the test's to start, and what happened in order. */
function scene(): {
  pump: QuicPump;
  events: string[];
  deferred: (() => void)[];
  pumped: (name: string, turn?: () => void) => Pumped;
} {
  const events: string[] = [];
  const deferred: (() => void)[] = [];
  const pump = new QuicPump({
    defer: (callback) => void deferred.push(callback),
    afterRun: () => void events.push("after"),
  });
  pump.add({ flush: () => void events.push("flush") });
  const pumped = (name: string, turn: () => void = () => {}): Pumped => ({
    queued: false,
    turn() {
      events.push(name);
      turn();
    },
  });
  return { pump, events, deferred, pumped };
}

test("each has one turn a run, then everything is sent", () => {
  const { pump, events, deferred, pumped } = scene();
  const [a, b] = [pumped("a"), pumped("b")];
  pump.beginBatch();
  for (const connection of [a, b, a, a, b]) pump.mark(connection);
  pump.run();
  assert.deepEqual(events, ["a", "b", "flush", "after"]);
  assert.equal(deferred.length, 0, "a batch needs no other run");
});

test("what is marked outside of a batch runs later, once", () => {
  const { pump, events, deferred, pumped } = scene();
  pump.mark(pumped("a"));
  pump.mark(pumped("b"));
  assert.equal(deferred.length, 1);
  assert.deepEqual(events, []);
  deferred[0]?.();
  assert.deepEqual(events, ["a", "b", "flush", "after"]);
  pump.mark(pumped("c"));
  assert.equal(deferred.length, 2);
});

test("what a turn marks has its turn in the same run, itself too; a run within a run is none", () => {
  const { pump, events, deferred, pumped } = scene();
  let again = true;
  const b = pumped("b");
  const a = pumped("a", () => {
    pump.mark(b);
    if (again) pump.mark(a);
    again = false;
    pump.run();
  });
  pump.beginBatch();
  pump.mark(a);
  pump.run();
  assert.deepEqual(events, ["a", "b", "a", "b", "flush", "after"]);
  assert.equal(deferred.length, 0);
});

test("two that mark each other for ever do not hold up the rest of the worker", () => {
  const { pump, events, deferred, pumped } = scene();
  const a: Pumped = pumped("a", () => pump.mark(b));
  const b: Pumped = pumped("b", () => pump.mark(a));
  pump.beginBatch();
  pump.mark(a);
  pump.run();
  assert.ok(events.length > 1000 && events.length < 10_000);
  assert.deepEqual(events.slice(-2), ["flush", "after"]);
  assert.equal(deferred.length, 1, "it goes on later");
});

test("a socket that was removed is not asked to send", () => {
  const { pump, events, pumped } = scene();
  const socket = { flush: () => void events.push("other") };
  pump.add(socket);
  pump.remove(socket);
  pump.beginBatch();
  pump.mark(pumped("a"));
  pump.run();
  assert.deepEqual(events, ["a", "flush", "after"]);
});
