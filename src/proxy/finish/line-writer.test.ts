import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineWriter } from "./line-writer.ts";

function write(act: (line: LineWriter) => void): string {
  const line = new LineWriter(Buffer.alloc(10_000));
  line.position = 3;
  act(line);
  return line.target.toString("latin1", 3, line.position);
}

test("milliseconds are as short as they can be, and read back as what they were", () => {
  for (const [value, text] of [
    [0, "0"],
    [1, "1"],
    [0.5, "0.5"],
    [0.05, "0.05"],
    [0.001, "0.001"],
    [0.0004, "0"],
    [0.0006, "0.001"],
    [1.9996, "2"],
    [12.34, "12.34"],
    [100.1, "100.1"],
    [123_456_789.125, "123456789.125"],
    [-3, "0"],
  ] as const) {
    assert.equal(
      write((line) => line.milliseconds(value)),
      text,
    );
  }
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (value) => {
      const text = write((line) => line.milliseconds(value));
      assert.match(text, /^(?:0|[1-9][0-9]*)(?:\.[0-9]{0,2}[1-9])?$/);
      assert.ok(Math.abs(Number(text) - value) <= 0.000_51);
    }),
  );
});

test("whole numbers are decimal, up to the largest", () => {
  for (const value of [0, 9, 10, 4_294_967_296, Number.MAX_SAFE_INTEGER]) {
    assert.equal(
      write((line) => line.integer(value)),
      String(value),
    );
  }
});

/** Octets of any kind, and long rows of plain ones with one that is not. */
const mixed = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 }), fc.nat({ max: 60 }))
    .map(([before, octet, after]) =>
      Uint8Array.from([...Array<number>(before).fill(0x61), octet, ...Array<number>(after).fill(0x7a)]),
    ),
);

test("text and octets are escaped alike, as JSON reads it", () => {
  fc.assert(
    fc.property(mixed, fc.nat({ max: 250 }), (bytes, limit) => {
      const text = Buffer.from(bytes).toString("latin1");
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const octets = write((line) => line.octets(view, 0, bytes.length));
      assert.equal(
        write((line) => line.text(text, 1000)),
        octets,
      );
      assert.equal(JSON.parse(`"${octets}"`), text);
      assert.equal(JSON.parse(`"${write((line) => line.text(text, limit))}"`), text.slice(0, limit));
    }),
  );
});
