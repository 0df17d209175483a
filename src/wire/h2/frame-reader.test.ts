import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { data, frame, goAway, headers, ping, priorityUpdate, GET } from "../../../test/support/h2-dsl.ts";
import { type FrameHandler, FrameReader } from "./frame-reader.ts";
import type { FrameHeader } from "./frame/frame-header.ts";

/** Notes what a reader hands over; the parts of one DATA frame are one entry. */
class Handler implements FrameHandler {
  open = true;
  readonly seen: string[] = [];
  #data = "";

  onFrameHeader(header: FrameHeader): void {
    if (header.type === 0xff) this.open = false;
  }

  onFrame(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    this.seen.push(`${header.type} ${header.streamId} ${bytes.latin1Slice(start, end)}`);
  }

  onDataBegin(header: FrameHeader, dataBytes: number): boolean {
    this.#data = `data ${header.streamId} (${dataBytes}) `;
    return header.streamId !== 9;
  }

  onDataPart(bytes: Buffer, start: number, end: number): void {
    this.#data += bytes.latin1Slice(start, end);
  }

  onDataEnd(): void {
    this.seen.push(this.#data);
  }

  onBadPadding(): void {
    this.seen.push("bad padding");
    this.open = false;
  }
}

function check(bytes: Buffer, cuts: readonly number[]): { seen: string[]; incomplete: boolean } {
  const handler = new Handler();
  const reader = new FrameReader(handler);
  let from = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    // A buffer of its own, overwritten afterwards: nothing may be kept of it.
    const part = Buffer.from(bytes.subarray(from, cut));
    reader.read(part, 0, part.length);
    part.fill(0xee);
    from = cut;
  }
  return { seen: handler.seen, incomplete: reader.incomplete };
}

const STREAM: Buffer = Buffer.concat([
  frame(4, 0, 0),
  headers(1, GET),
  data(1, "hello"),
  data(1, ""),
  data(3, "padded", { pad: 7 }),
  data(3, "", { pad: 0 }),
  data(9, "not wanted"),
  ping(),
  frame(0x42, 0, 5, "unknown"),
  goAway(7, 2, "x".repeat(1000)),
  priorityUpdate(1, `u=1, x="${"y".repeat(1000)}"`),
  data(1, "z".repeat(16_384), { end: true }),
]);

const EXPECTED: readonly string[] = [
  "4 0 ",
  `1 1 ${headers(1, GET).latin1Slice(9)}`,
  "data 1 (5) hello",
  "data 1 (0) ",
  "data 3 (6) padded",
  "data 3 (0) ",
  "data 9 (10) ",
  "6 0 12345678",
  "66 5 ",
  `7 0 \0\0\0\x07\0\0\0\x02${"x".repeat(256)}`,
  `16 0 \0\0\0\x01u=1, x="${"y".repeat(248)}`,
  `data 1 (16384) ${"z".repeat(16_384)}`,
];

test("frames are the same however they were split: whole, octet by octet, anywhere", () => {
  const whole = { seen: [...EXPECTED], incomplete: false };
  assert.deepEqual(check(STREAM, []), whole);
  assert.deepEqual(
    check(
      STREAM,
      Array.from({ length: STREAM.length }, (_, i) => i),
    ),
    whole,
  );
  fc.assert(
    fc.property(fc.array(fc.nat({ max: STREAM.length }), { maxLength: 40 }), (cuts) => {
      assert.deepEqual(check(STREAM, cuts), whole);
    }),
  );
});

test("the state tells whether a frame other than DATA is incomplete, wherever the bytes end", () => {
  const whole = new Set<number>();
  for (let at = 0; at < STREAM.length;) {
    whole.add(at);
    const next = at + 9 + STREAM.readUIntBE(at, 3);
    // A body is not awaited here, but by those who know what it is for.
    if (STREAM[at + 3] === 0) for (let end = at + 9; end < next; end++) whole.add(end);
    at = next;
  }
  for (let end = 0; end < 300; end++)
    assert.equal(check(STREAM.subarray(0, end), []).incomplete, !whole.has(end), `at ${end}`);
});

test("nothing is read behind the frame with which the handler closed", () => {
  const bytes = Buffer.concat([ping(), frame(0xff, 0, 0, "abc"), ping()]);
  assert.deepEqual(check(bytes, []).seen, ["6 0 12345678"]);
});

test("padding that does not fit into its frame is told at once", () => {
  for (const bytes of [frame(0, 8, 1, "\x05abcd"), frame(0, 8, 1, "\x01"), frame(0, 8, 1)])
    assert.deepEqual(check(Buffer.concat([bytes, ping()]), []).seen, ["bad padding"]);
});
