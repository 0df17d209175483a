import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { ReplayGuard } from "./replay-guard.ts";

test("a first flight is admitted once", () => {
  const guard = new ReplayGuard();
  const ids = Array.from({ length: 1000 }, (_, i) => randomBytes(8 + (i % 13)));
  assert.ok(ids.every((id) => guard.admit(id)));
  assert.ok(ids.every((id) => !guard.admit(Buffer.from(id))));
});

test("the newest are remembered, and no more than there is room for", () => {
  const guard = new ReplayGuard(64);
  const ids = Array.from({ length: 1000 }, () => randomBytes(8));
  for (const id of ids) assert.ok(guard.admit(id));
  assert.ok(ids.slice(-32).every((id) => !guard.admit(id)));
  assert.ok(guard.admit(ids[0] as Buffer), "long ago");
});
