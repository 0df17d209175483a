import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { equalsLower } from "./field-id.ts";
import { equalsFolded, foldedText } from "./folded-text.ts";

function spells(octets: Uint8Array, lower: string): boolean {
  const memory = Buffer.concat([Buffer.from("ab"), octets, Buffer.from("c")]);
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length);
  return equalsFolded(view, 2, 2 + octets.length, foldedText(lower));
}

test("a text is found in any letter case", () => {
  for (const text of ["keep-alive", "Keep-Alive", "KEEP-ALIVE"])
    assert.ok(spells(Buffer.from(text), "keep-alive"));
  assert.ok(spells(Buffer.from("cLoSe"), "close"));
  assert.ok(spells(Buffer.from("Http2-Settings"), "http2-settings"));
});

test("nothing but letter case is taken for the same", () => {
  for (const lower of ["close", "keep-alive", "http2-settings", "host"]) {
    for (let at = 0; at < lower.length; at++) {
      for (let octet = 0; octet < 256; octet++) {
        const octets = Buffer.from(lower);
        octets[at] = octet;
        const expected = equalsLower(octets, 0, octets.length, Buffer.from(lower));
        assert.equal(spells(octets, lower), expected, `${lower}: ${octet} at ${at}`);
      }
    }
  }
});

test("texts of other lengths are others", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 14 }), (text) => {
      assert.equal(spells(Buffer.from(text, "latin1"), "close"), text.toLowerCase() === "close");
    }),
  );
});
