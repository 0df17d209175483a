import assert from "node:assert/strict";
import { test } from "node:test";
import { Coalescer } from "./coalescer.ts";

function harness() {
  const runs: { argument: string; finish: () => void; fail: (error: Error) => void }[] = [];
  const coalescer = new Coalescer<string, string>(
    (argument) =>
      new Promise((resolve, reject) => {
        runs.push({ argument, finish: () => resolve(argument), fail: reject });
      }),
  );
  return { runs, coalescer };
}

test("requests during a run share one more run, with the last argument", async () => {
  const { runs, coalescer } = harness();
  const first = coalescer.request("a");
  const others = ["b", "c", "d"].map((argument) => coalescer.request(argument));
  assert.equal(runs.length, 1);
  runs[0]?.finish();
  assert.equal(await first, "a");
  while (runs.length < 2) await Promise.resolve();
  runs[1]?.finish();
  assert.deepEqual(await Promise.all(others), ["d", "d", "d"]);
  assert.equal(runs.length, 2);
});

test("a failed run does not stop the next one", async () => {
  const { runs, coalescer } = harness();
  const first = coalescer.request("a");
  const second = coalescer.request("b");
  runs[0]?.fail(new Error("no"));
  await assert.rejects(first, /no/);
  while (runs.length < 2) await Promise.resolve();
  runs[1]?.finish();
  assert.equal(await second, "b");
  const third = coalescer.request("c");
  runs[2]?.finish();
  assert.equal(await third, "c");
});

test("a request in the run after next waits for its own run", async () => {
  const { runs, coalescer } = harness();
  void coalescer.request("a");
  const second = coalescer.request("b");
  runs[0]?.finish();
  while (runs.length < 2) await Promise.resolve();
  const third = coalescer.request("c");
  assert.notEqual(third, second);
  runs[1]?.finish();
  assert.equal(await second, "b");
  while (runs.length < 3) await Promise.resolve();
  runs[2]?.finish();
  assert.equal(await third, "c");
});
