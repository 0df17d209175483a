import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { formatGrpcTimeout, MALFORMED_TIMEOUT, parseGrpcTimeout } from "./grpc-timeout.ts";

function parse(text: string): number {
  const bytes = Buffer.from(`<${text}>`, "latin1");
  return parseGrpcTimeout(bytes, 1, bytes.length - 1);
}

test("every unit is read, and rounded up to milliseconds", () => {
  assert.equal(parse("2H"), 7_200_000);
  assert.equal(parse("3M"), 180_000);
  assert.equal(parse("10S"), 10_000);
  assert.equal(parse("250m"), 250);
  assert.equal(parse("1500u"), 2);
  assert.equal(parse("1n"), 1);
  assert.equal(parse("0S"), 0);
  assert.equal(parse("99999999H"), 99_999_999 * 3_600_000);
});

test("what is no timeout is told apart", () => {
  for (const text of ["", "S", "10", "10s", "-1S", "1.5S", "123456789S", " 1S", "1S ", "1 S", "0x1S"]) {
    assert.equal(parse(text), MALFORMED_TIMEOUT, JSON.stringify(text));
  }
});

test("what is written is read back, in whole milliseconds or seconds", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999_999_000 }), (timeoutMs) => {
      const back = parse(formatGrpcTimeout(timeoutMs));
      assert.ok(back <= timeoutMs && timeoutMs - back < 1000);
      if (timeoutMs < 1e8) assert.equal(back, timeoutMs);
    }),
  );
});
