import assert from "node:assert/strict";
import { test } from "node:test";
import { HalfSipHash } from "./half-sip-hash.ts";

/** Of the authors' `vectors.h`: key 00 to 07, of no octet, of 00, of 00 01, and so on. */
const HASHES = [
  "a9359f5b",
  "27475ab8",
  "fa62a603",
  "8afee704",
  "2a6e4689",
  "c5fab669",
  "5863fc23",
  "8bcf63c5",
  "d0b8848f",
  "f806e779",
  "94b07934",
  "08083050",
  "57f0872f",
  "77e663ff",
  "d6fff87c",
  "74fe2b97",
  "d9b5ac84",
  "c474645b",
  "465b8d9b",
  "7befe387",
  "e34d1045",
];

test("hashes are those of the authors", () => {
  const hash = new HalfSipHash(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7));
  const found = HASHES.map((_, length) => {
    const octets = new Uint8Array(24).map((_, i) => (i < length ? i : 0));
    const words = new Int32Array(6);
    const view = new DataView(octets.buffer);
    for (let i = 0; i < words.length; i++) words[i] = view.getInt32(4 * i, true);
    const out = Buffer.alloc(4);
    out.writeInt32LE(hash.hash(words, length));
    return out.toString("hex");
  });
  assert.deepEqual(found, HASHES);
});
