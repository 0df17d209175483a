import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { H2Stream } from "./h2-stream.ts";
import { ReadyQueue } from "./ready-queue.ts";

function streamOf(id: number, urgency = 3, sequential = false): H2Stream {
  const stream = new H2Stream(id, 0, 0);
  stream.urgency = urgency;
  stream.sequential = sequential;
  return stream;
}

/** The streams that get the next turns, each one frame. */
function turns(queue: ReadyQueue, count: number): number[] {
  return Array.from({ length: count }, () => {
    const stream = queue.next();
    if (stream === null) return 0;
    queue.sent(stream);
    return stream.id;
  });
}

test("streams of one urgency take turns, frame by frame", () => {
  const queue = new ReadyQueue();
  for (const id of [1, 3, 5]) queue.add(streamOf(id));
  assert.deepEqual(turns(queue, 6), [1, 3, 5, 1, 3, 5]);
});

test("a client that wants one after the other gets it so, but not without end", () => {
  const queue = new ReadyQueue();
  const first = streamOf(1, 3, true);
  queue.add(first);
  queue.add(streamOf(3, 3, true));
  assert.deepEqual(new Set(turns(queue, 60)), new Set([1]));
  assert.deepEqual(new Set(turns(queue, 60)), new Set([1, 3]));
  queue.remove(first);
  assert.deepEqual(new Set(turns(queue, 10)), new Set([3]));
});

test("the more urgent goes first, the less urgent is slow but never starves", () => {
  const queue = new ReadyQueue();
  for (const urgency of [0, 3, 6]) queue.add(streamOf(1 + 2 * urgency, urgency));
  const counts = new Map<number, number>();
  for (const id of turns(queue, 320)) counts.set(id, (counts.get(id) ?? 0) + 1);
  assert.ok((counts.get(1) as number) >= 300);
  assert.ok((counts.get(7) as number) >= 5);
  assert.ok((counts.get(13) as number) >= 5);
});

test("a stream that comes back waits behind those that were there", () => {
  const queue = new ReadyQueue();
  const [a, b] = [streamOf(1), streamOf(3)];
  queue.add(a);
  queue.add(b);
  queue.add(a);
  queue.remove(a);
  queue.remove(a);
  queue.add(a);
  assert.deepEqual(turns(queue, 3), [3, 1, 3]);
});

test("a change of priority takes effect at once", () => {
  const queue = new ReadyQueue();
  const [a, b] = [streamOf(1), streamOf(3)];
  queue.add(a);
  queue.add(b);
  queue.setPriority(b, 0, false);
  assert.deepEqual(turns(queue, 3), [3, 3, 3]);
  queue.setPriority(b, 7, false);
  assert.deepEqual(turns(queue, 2), [1, 1]);
  queue.remove(a);
  queue.remove(b);
  assert.ok(queue.empty);
  assert.equal(queue.next(), null);
});

test("whatever is added, removed and moved, everybody who waits gets turns, and nobody else", () => {
  const step = fc.record({
    kind: fc.constantFrom("add", "remove", "move"),
    stream: fc.nat({ max: 9 }),
    urgency: fc.nat({ max: 7 }),
    sequential: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ReadyQueue();
      const streams = Array.from({ length: 10 }, (_, i) => streamOf(2 * i + 1));
      const waiting = new Set<number>();
      for (const { kind, stream: index, urgency, sequential } of steps) {
        const stream = streams[index] as H2Stream;
        if (kind === "add") waiting.add(stream.id);
        if (kind === "remove") waiting.delete(stream.id);
        if (kind === "add") queue.add(stream);
        else if (kind === "remove") queue.remove(stream);
        else queue.setPriority(stream, urgency, sequential);
        turns(queue, 1);
      }
      // A turn of a sequential stream has 64 frames, a spare turn comes every 16th, for one of 8 rings.
      const served = new Set(turns(queue, 64 * 10 * 16 * 8).filter((id) => id !== 0));
      assert.deepEqual(served, waiting);
    }),
    { numRuns: 40 },
  );
});
