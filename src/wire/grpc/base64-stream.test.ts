import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Base64Decoder, decodedBound, encodeBase64, encodedLength } from "./base64-stream.ts";

/** Decodes the text in pieces of `size`; `null` when it is refused or ends within a group. */
function decode(text: string, size = text.length): Buffer | null {
  const decoder = new Base64Decoder();
  const bytes = Buffer.from(text, "latin1");
  const target = Buffer.alloc(decodedBound(bytes.length) + 3);
  let offset = 0;
  for (let at = 0; at < bytes.length; at += size) {
    offset = decoder.decode(bytes, at, Math.min(at + size, bytes.length), target, offset);
    if (offset === -1) return null;
  }
  return decoder.complete ? target.subarray(0, offset) : null;
}

test("a text cut anywhere is decoded, also several behind each other", () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 });
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 9 }), (chunks, size) => {
      const text = chunks.map((chunk) => Buffer.from(chunk).toString("base64")).join("");
      assert.deepEqual(decode(text, size), Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))));
    }),
  );
});

test("what is no base64 is refused", () => {
  for (const text of ["A", "AA", "AAA", "AA=A", "A===", "====", "AA-_", "AAAA\r\n", "AAAA=", "\u00ffAAA"]) {
    assert.equal(decode(text), null, JSON.stringify(text));
  }
});

test("no more is written than the bound says", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const text = Buffer.from(Buffer.from(bytes).toString("base64"), "latin1");
      const target = Buffer.alloc(decodedBound(text.length));
      assert.ok(new Base64Decoder().decode(text, 0, text.length, target, 0) <= target.length);
    }),
  );
});

test("what is encoded can be decoded", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const source = Buffer.from(bytes);
      const target = Buffer.alloc(encodedLength(source.length) + 2);
      const end = encodeBase64(source, 0, source.length, target, 1);
      assert.equal(end, 1 + encodedLength(source.length));
      assert.deepEqual(decode(target.latin1Slice(1, end)), source);
    }),
  );
});
