import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SeenStreams } from "./seen-streams.ts";

test("a stream is new once, in whatever order streams come", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 30 })), (numbers) => {
      const seen = new SeenStreams(100);
      const used = new Set<number>();
      for (const number of numbers) {
        assert.equal(seen.isNew(number * 4), !used.has(number));
        assert.equal(seen.use(number * 4), !used.has(number));
        used.add(number);
      }
    }),
  );
});

test("streams that are passed over are remembered up to a limit, however many there are", () => {
  const seen = new SeenStreams(10);
  assert.equal(seen.use(2 ** 50), true);
  assert.equal(seen.use(36), true);
  assert.equal(seen.use(40), false);
  assert.equal(seen.isNew(44), false);
});
