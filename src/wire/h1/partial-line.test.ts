/** Lines that come in pieces, and how their failures are told apart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lineFailure, LineFailure, PartialLine } from "./partial-line.ts";

test("a line is filled up to its LF, and no further", () => {
  const line = new PartialLine();
  const source = Buffer.from("..ab\r\ncd..");
  assert.equal(line.fill(source, 2, 4, 10), 4);
  assert.equal(line.complete, false);
  assert.equal(line.fill(source, 4, 8, 10), 6);
  assert.equal(line.complete, true);
  assert.equal(line.bytes.latin1Slice(0, line.length), "ab\r\n");
});

test("a line has a longest length, counted over all of its pieces", () => {
  const line = new PartialLine();
  assert.equal(line.fill(Buffer.from("abc"), 0, 3, 4), 3);
  assert.equal(line.fill(Buffer.from("de"), 0, 2, 4), -1);
  assert.equal(line.fill(Buffer.from("\nlonger"), 0, 7, 4), 1);
  assert.equal(line.complete, true);
});

test("a line that grows keeps its beginning, and gives its memory back", () => {
  const line = new PartialLine();
  const piece = Buffer.alloc(700, "x");
  for (let i = 0; i < 5; i++) line.fill(piece, 0, piece.length, 10_000);
  assert.equal(line.length, 3500);
  assert.equal(line.bytes.latin1Slice(0, line.length), "x".repeat(3500));
  line.release();
  assert.deepEqual([line.length, line.bytes.length], [0, 0]);
});

test("a line is judged by its length first, and by its grammar only when it is there", () => {
  const failure = (text: string, stop: number, maxBytes: number) =>
    lineFailure(Buffer.from(`..${text}..\n`), 2, 2 + stop, 2 + text.length, maxBytes);
  assert.equal(failure("abc", 1, 5), LineFailure.incomplete);
  assert.equal(failure("abc\n", 1, 5), LineFailure.malformed);
  assert.equal(failure("abc\n", 1, 3), LineFailure.tooLong);
  assert.equal(failure("abcdef", 1, 5), LineFailure.tooLong);
});
