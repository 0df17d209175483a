/** Medians and their spread. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatSpread, spreadOf } from "./statistics.ts";

describe("spreadOf", () => {
  it("takes the middle one, or the mean of the two in the middle", () => {
    assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, min: 1, max: 3 });
    assert.deepEqual(spreadOf([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 });
    assert.deepEqual(spreadOf([7]), { median: 7, min: 7, max: 7 });
  });

  it("has as many values below the median as above it", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
        const { median, min, max } = spreadOf(values);
        assert.equal(
          values.filter((value) => value < median).length <= values.length / 2 &&
            values.filter((value) => value > median).length <= values.length / 2,
          true,
        );
        assert.ok(min <= median && median <= max);
      }),
    );
  });

  it("says that of nothing there is no median", () => assert.ok(Number.isNaN(spreadOf([]).median)));
});

describe("formatSpread", () => {
  it("shows the spread where there is one", () => {
    assert.equal(formatSpread({ median: 1.25, min: 1, max: 2 }, 1), "1.3 (1.0 to 2.0)");
    assert.equal(formatSpread({ median: 5, min: 5, max: 5 }, 0), "5");
  });
});
