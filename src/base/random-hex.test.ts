import assert from "node:assert/strict";
import { test } from "node:test";
import { RandomHex } from "./random-hex.ts";

test("ids have the length asked for, are hexadecimal and do not repeat", () => {
  const random = new RandomHex();
  const seen = new Set<string>();
  const target = Buffer.alloc(40);
  const view = new DataView(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < 5000; i++) {
    const id = random.next(32);
    assert.match(id, /^[0-9a-f]{32}$/);
    seen.add(id);
    random.writeTo(view, 4, 32);
    assert.match(target.toString("latin1", 4, 36), /^[0-9a-f]{32}$/);
    seen.add(target.toString("latin1", 4, 36));
  }
  assert.equal(seen.size, 10_000);
  assert.equal(target.readUInt32LE(0), 0);
  assert.equal(target.readUInt32LE(36), 0);
});
