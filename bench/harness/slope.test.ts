/** The slope is that of the line that the points lie on, or lie around. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { slopeOf } from "./slope.ts";

const line = (slope: number, from: number): { seconds: number; kib: number }[] =>
  Array.from({ length: 60 }, (_, seconds) => ({ seconds, kib: from + slope * seconds }));

describe("slopeOf", () => {
  it("is exact on a line, wherever it begins", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), fc.nat(1_000_000), (slope, from) => {
        assert.ok(Math.abs(slopeOf(line(slope, from)) - slope) < 1e-6);
      }),
    );
  });

  it("is not moved by noise that is the same at both ends", () => {
    const points = line(3, 100).map(({ seconds, kib }) => ({
      seconds,
      kib: kib + (seconds === 0 || seconds === 59 ? 500 : 0),
    }));
    assert.ok(Math.abs(slopeOf(points) - 3) < 1e-9);
  });

  it("is 0 when there is nothing to say", () => {
    assert.equal(slopeOf([]), 0);
    assert.equal(slopeOf([{ seconds: 1, kib: 5 }]), 0);
  });
});
