import assert from "node:assert/strict";
import { test } from "node:test";
import { RandomHex } from "./random-hex.ts";

test("ids have the length asked for, are hexadecimal and do not repeat", () => {
  const random = new RandomHex();
  const seen = new Set<string>();
  for (let i = 0; i < 5000; i++) {
    const id = random.next(16);
    assert.match(id, /^[0-9a-f]{32}$/);
    seen.add(id);
  }
  assert.equal(seen.size, 5000);
  assert.match(random.next(8), /^[0-9a-f]{16}$/);
});
