import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { copyWords, WORD_SLACK_BYTES, wordText, writeWords } from "./word-text.ts";

const ascii = fc.string({
  unit: fc.integer({ min: 0, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 100,
});

test("every text below DEL is written as it is, and nothing before it or far behind it", () => {
  fc.assert(
    fc.property(ascii, fc.nat({ max: 20 }), (text, offset) => {
      const target = Buffer.alloc(200, 0xee);
      const view = new DataView(target.buffer, target.byteOffset, target.length);
      const end = writeWords(view, offset, wordText(text));
      assert.equal(end, offset + text.length);
      assert.equal(target.latin1Slice(offset, end), text);
      assert.ok(target.subarray(0, offset).every((octet) => octet === 0xee));
      assert.ok(target.subarray(end + WORD_SLACK_BYTES).every((octet) => octet === 0xee));
    }),
  );
});

test("octets that could make a word something else than it was are our own mistake", () => {
  for (const text of ["\u007f", "abcdefg\u007f", "\u00e9", "\u2028"])
    assert.throws(() => wordText(text), { name: "AssertionFailure" });
});

test("a copy from any place to any place is what it was, and no octet more", () => {
  fc.assert(
    fc.property(ascii, fc.nat({ max: 20 }), fc.nat({ max: 20 }), (text, start, offset) => {
      const source = Buffer.alloc(start + text.length);
      source.latin1Write(text, start);
      const target = Buffer.alloc(200, 0xee);
      const views = [target, source].map(
        ({ buffer, byteOffset, length }) => new DataView(buffer, byteOffset, length),
      ) as [DataView, DataView];
      const end = copyWords(views[0], offset, views[1], start, source.length);
      assert.equal(target.latin1Slice(offset, end), text);
      assert.ok(target.subarray(0, offset).every((octet) => octet === 0xee));
      assert.ok(target.subarray(end).every((octet) => octet === 0xee));
    }),
  );
});
