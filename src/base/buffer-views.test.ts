import assert from "node:assert/strict";
import { test } from "node:test";
import { BufferViews } from "./buffer-views.ts";

test("a view shows the octets of the buffer that is asked for, also when they take turns", () => {
  const views = new BufferViews();
  const memory = Uint8Array.from({ length: 32 }, (_, i) => i);
  const [one, two] = [memory.subarray(4, 8), memory.subarray(20)];
  for (const bytes of [one, one, two, one, two, memory]) {
    const view = views.of(bytes);
    assert.equal(view.byteLength, bytes.length);
    assert.equal(view.getUint8(0), bytes[0]);
    assert.equal(view.getUint8(bytes.length - 1), bytes.at(-1));
  }
  assert.equal(views.of(memory), views.of(memory), "nothing is made for a buffer that was just looked at");
});
