import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { frame } from "../../../../test/support/h2-dsl.ts";
import { FrameHeader } from "./frame-header.ts";
import { Flag, FRAME_HEADER_BYTES, FrameType, MAX_FRAME_BYTES } from "./frame-type.ts";
import { continuationOverhead, frameHeaderBlock, HeadersPayload } from "./headers.ts";

test("a header block of any size becomes HEADERS and as many CONTINUATIONs as it needs", () => {
  const edges = [0, 1, MAX_FRAME_BYTES, MAX_FRAME_BYTES + 1, 2 * MAX_FRAME_BYTES, 3 * MAX_FRAME_BYTES - 1];
  const size = fc.oneof(fc.constantFrom(...edges), fc.nat({ max: 70_000 }));
  fc.assert(
    fc.property(size, fc.boolean(), (length, endStream) => {
      const block = Buffer.from(Array.from({ length }, (_, i) => i % 251));
      const start = FRAME_HEADER_BYTES;
      const target = Buffer.alloc(start + length + continuationOverhead(length) + 3, 0xee);
      block.copy(target, start);
      const end = frameHeaderBlock(target, start, start + length, 77, endStream);
      assert.equal(end, target.length - 3);
      assert.ok(target.subarray(end).every((octet) => octet === 0xee));
      assert.deepEqual(joined(target.subarray(0, end), endStream), block);
    }),
    { numRuns: 60 },
  );
});

/** The fragments of one block, whose frames are checked. */
function joined(bytes: Buffer, endStream: boolean): Buffer {
  const header = new FrameHeader();
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += FRAME_HEADER_BYTES + header.length) {
    header.read(bytes, at);
    const end = at + FRAME_HEADER_BYTES + header.length;
    assert.equal(header.type, at === 0 ? FrameType.headers : FrameType.continuation);
    assert.equal(header.streamId, 77);
    assert.ok(header.length <= MAX_FRAME_BYTES);
    assert.equal(header.has(Flag.endHeaders), end === bytes.length);
    assert.equal(header.has(Flag.endStream), endStream && at === 0);
    parts.push(bytes.subarray(at + FRAME_HEADER_BYTES, end));
  }
  return Buffer.concat(parts);
}

function checkPayload(flags: number, payload: string, expected: string): void {
  const bytes = frame(FrameType.headers, flags, 1, payload);
  const header = new FrameHeader();
  header.read(bytes, 0);
  const parts = new HeadersPayload();
  const fits = parts.read(header, bytes, FRAME_HEADER_BYTES, bytes.length);
  const block = bytes.latin1Slice(parts.blockStart, parts.blockEnd);
  assert.equal(fits ? `${block} ${parts.dependency}` : "does not fit", expected);
}

test("padding and priority stand around the fragment", () => {
  checkPayload(0, "block", "block -1");
  checkPayload(Flag.padded, "\x03block\0\0\0", "block -1");
  checkPayload(Flag.priority, "\x80\0\0\x05\xffblock", "block 5");
  checkPayload(Flag.padded | Flag.priority, "\x02\0\0\0\x07\x01block\0\0", "block 7");
  checkPayload(Flag.padded, "\0", " -1");
});

test("what does not fit into the frame is told", () => {
  checkPayload(Flag.padded, "", "does not fit");
  checkPayload(Flag.padded, "\x06block", "does not fit");
  checkPayload(Flag.priority, "\0\0\0\x01", "does not fit");
  checkPayload(Flag.padded | Flag.priority, "\x01\0\0\0\x07\x01", "does not fit");
});
