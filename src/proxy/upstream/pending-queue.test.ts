import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PendingRequest } from "./pending-request.ts";
import { PendingQueue } from "./pending-queue.ts";

/** Only the links matter to the queue. */
function waiter(name: number): PendingRequest {
  return { name, before: null, behind: null } as unknown as PendingRequest;
}

test("it does what a list does, in whatever order requests come, are served and leave", () => {
  const step = fc.oneof(fc.constant("push" as const), fc.constant("shift" as const), fc.nat({ max: 20 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const queue = new PendingQueue();
      const list: PendingRequest[] = [];
      steps.forEach((each, name) => {
        if (each === "push") {
          const pending = waiter(name);
          queue.push(pending);
          list.push(pending);
        } else if (each === "shift") {
          assert.equal(queue.shift(), list.shift() ?? null);
        } else if (each < list.length) {
          const [leaving] = list.splice(each, 1) as [PendingRequest];
          queue.remove(leaving);
          assert.equal(leaving.before, null);
          assert.equal(leaving.behind, null);
        }
        assert.equal(queue.length, list.length);
      });
      while (list.length > 0) assert.equal(queue.shift(), list.shift());
      assert.equal(queue.shift(), null);
    }),
  );
});

test("to take out what is not in it is our own mistake", () => {
  const queue = new PendingQueue();
  queue.push(waiter(1));
  assert.throws(() => queue.remove(waiter(2)), { name: "AssertionFailure" });
});
