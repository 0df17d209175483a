import nodeAssert from "node:assert/strict";
import { test } from "node:test";
import { assert, AssertionFailure, unreachable } from "./assert.ts";

test("what holds passes", () => {
  for (const truth of [true, 1, "x", {}]) nodeAssert.doesNotThrow(() => assert(truth, "never"));
});

test("what does not hold ends in a failure that says what was meant", () => {
  for (const falsehood of [false, 0, "", null, undefined, NaN]) {
    nodeAssert.throws(() => assert(falsehood, "what was meant"), {
      name: "AssertionFailure",
      message: "what was meant",
    });
  }
});

test("a place that cannot be reached says by what it was", () => {
  nodeAssert.throws(
    () => unreachable({ kind: "odd" } as never),
    (error) => error instanceof AssertionFailure && error.message.includes('{"kind":"odd"}'),
  );
});
