import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fields } from "../../wire/http/fields.ts";
import { HeldBody } from "./held-body.ts";

test("what is held comes out as it went in, and small parts cost little more than their bytes", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 40 }), (parts) => {
      const held = new HeldBody();
      for (const part of parts) {
        const bytes = Buffer.concat([Buffer.from("<<"), part, Buffer.from(">>")]);
        held.add(bytes, 2, bytes.length - 2);
        bytes.fill(0);
      }
      const whole = Buffer.concat(parts);
      assert.deepEqual(held.bytes.subarray(0, held.length), whole);
      assert.ok(held.bytes.length <= Math.max(4096, 2 * whole.length));
    }),
  );
});

test("the end is held with its trailers, which are copied", () => {
  const held = new HeldBody();
  const trailers = new Fields();
  trailers.addNamed("x-sum", "1");
  held.end(trailers);
  trailers.clear();
  trailers.addNamed("x-other", "2");
  assert.equal(held.ended, true);
  assert.deepEqual(held.trailers?.toArray(), [["x-sum", "1"]]);
});

test("nothing is left of what was held", () => {
  const held = new HeldBody();
  held.add(Buffer.from("body"), 0, 4);
  held.end(new Fields());
  held.clear();
  assert.deepEqual([held.bytes.length, held.length, held.ended, held.trailers], [0, 0, false, null]);
});
