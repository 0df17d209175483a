import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CODE_BITS, CODES, END_OF_STRING } from "./huffman-code.ts";
import { huffmanDecode, huffmanDecodedBound } from "./huffman-decode.ts";
import { huffmanEncode, huffmanLength } from "./huffman-encode.ts";

/** The code in bits as text, straight from the table. */
function bitsOf(symbol: number): string {
  return (CODES[symbol] as number).toString(2).padStart(CODE_BITS[symbol] as number, "0");
}

/** Octets of bits that are given as text, padded with ones. */
function packed(bits: string): Buffer {
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  return Buffer.from(
    Array.from({ length: padded.length / 8 }, (_, i) => parseInt(padded.slice(i * 8, i * 8 + 8), 2)),
  );
}

/** Decodes from the middle of a buffer, so that what stands around the string must not matter. */
function decoded(bytes: Buffer, around = 0): Buffer | undefined {
  const source = Buffer.concat([Buffer.alloc(3, around), bytes, Buffer.alloc(9, around)]);
  const target = Buffer.alloc(2 + huffmanDecodedBound(bytes.length) + 4, 0xee);
  const end = huffmanDecode(source, 3, 3 + bytes.length, target, 2);
  assert.ok(target.subarray(0, 2).equals(Buffer.alloc(2, 0xee)));
  assert.ok(target.subarray(-4).equals(Buffer.alloc(4, 0xee)), "more was written than the bound");
  return end === -1 ? undefined : target.subarray(2, end);
}

test("codes are those of RFC 7541 appendix B", () => {
  const samples: readonly (readonly [symbol: number, bits: string])[] = [
    [0, "1111111111000"],
    [1, "11111111111111111011000"],
    [32, "010100"],
    [48, "00000"],
    [92, "1111111111111110000"],
    [97, "00011"],
    [122, "1111011"],
    [127, "1111111111111111111111111100"],
    [128, "11111111111111100110"],
    [249, "1111111111111111111111111110"],
    [255, "11111111111111111111101110"],
    [END_OF_STRING, "1".repeat(30)],
  ];
  for (const [symbol, bits] of samples) assert.equal(bitsOf(symbol), bits, `symbol ${symbol}`);
});

test("strings are those of RFC 7541 appendix C", () => {
  const samples: readonly (readonly [hex: string, text: string])[] = [
    ["f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"],
    ["a8eb10649cbf", "no-cache"],
    ["25a849e95ba97d7f", "custom-key"],
    ["25a849e95bb8e8b4bf", "custom-value"],
    ["d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT"],
  ];
  for (const [hex, text] of samples) {
    const target = Buffer.alloc(64);
    const end = huffmanEncode(Buffer.from(text), 0, text.length, target, 0);
    assert.equal(target.toString("hex", 0, end), hex);
    assert.equal(decoded(Buffer.from(hex, "hex"))?.latin1Slice(), text);
  }
});

test("every octet is decoded, alone and beside every other", () => {
  for (let one = 0; one < END_OF_STRING; one++) {
    assert.deepEqual(decoded(packed(bitsOf(one))), Buffer.from([one]));
    for (let other = 0; other < END_OF_STRING; other++) {
      const bytes = packed(bitsOf(one) + bitsOf(other));
      assert.deepEqual(decoded(bytes, 0xff), Buffer.from([one, other]));
    }
  }
});

test("strings of any octets are decoded", () => {
  const octets = fc.uint8Array({ maxLength: 80 });
  fc.assert(
    fc.property(octets, fc.nat(255), (bytes, around) => {
      const bits = Array.from(bytes, bitsOf).join("");
      assert.deepEqual(decoded(packed(bits), around), Buffer.from(bytes));
    }),
  );
});

test("what is encoded is decoded, and is shorter", () => {
  const text = fc.string({ unit: "grapheme-ascii", maxLength: 200 });
  fc.assert(
    fc.property(fc.oneof(text, fc.string({ unit: fc.constantFrom("a", "~", "\\", "é") })), (text) => {
      const source = Buffer.from(text, "latin1");
      const target = Buffer.alloc(source.length + 8, 0xee);
      const end = huffmanEncode(source, 0, source.length, target, 4);
      assert.equal(huffmanLength(source, 0, source.length), end === -1 ? source.length : end - 4);
      assert.ok(
        target.subarray(4 + source.length).equals(Buffer.alloc(4, 0xee)),
        "wrote past the string's length",
      );
      if (end === -1) return;
      assert.ok(end - 4 < source.length);
      assert.deepEqual(decoded(target.subarray(4, end)), source);
    }),
  );
});

test("padding must be the beginning of the end-of-string symbol, and shorter than an octet", () => {
  assert.deepEqual(decoded(Buffer.alloc(0)), Buffer.alloc(0));
  for (let length = 1; length <= 40; length++) {
    const bits = "00011".repeat(length);
    const bytes = packed(bits);
    const padding = bytes.length * 8 - bits.length;
    assert.equal(decoded(bytes)?.length, length);
    assert.equal(decoded(Buffer.concat([bytes, Buffer.from([0xff])]), 0xff), undefined, "8 bits and more");
    if (padding === 0) continue;
    const last = bytes.length - 1;
    for (let bit = 0; bit < padding; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[last] = (flipped[last] as number) ^ (1 << bit);
      const seen = decoded(flipped, 0xff);
      // A code of 5 bits may stand where the padding was.
      if (seen !== undefined) assert.ok(padding >= 5 && seen.length === length + 1, `${padding} bits`);
    }
  }
  assert.equal(decoded(packed(bitsOf(97) + "110")), undefined);
  assert.equal(decoded(packed(bitsOf(97) + "000")), undefined);
});

test("the end-of-string symbol and codes that are cut are refused wherever they stand", () => {
  const end = bitsOf(END_OF_STRING);
  for (let before = 0; before < 20; before++) {
    const bits = "00011".repeat(before);
    assert.equal(decoded(packed(bits + end), 0xff), undefined);
    assert.equal(decoded(packed(bits + end + "00011".repeat(8)), 0), undefined);
    for (const symbol of [92, 128, 195, 255, 10]) {
      const code = bitsOf(symbol);
      for (let cut = 8; cut < code.length; cut++) {
        const whole = Math.floor((bits.length + cut) / 8) * 8;
        if (whole - bits.length >= 8)
          assert.equal(decoded(packed((bits + code).slice(0, whole)), 0), undefined);
      }
    }
  }
});

test("no input makes it throw or write past the bound", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(255), (bytes, around) => {
      const one = decoded(Buffer.from(bytes), around);
      assert.deepEqual(decoded(Buffer.from(bytes), around ^ 0xff), one);
    }),
  );
});
