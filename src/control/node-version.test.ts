import assert from "node:assert/strict";
import { test } from "node:test";
import { MIN_NODE_MAJOR, refuseNode } from "./node-version.ts";

test("a Node.js from the least major version on is taken", () => {
  for (const version of [`${MIN_NODE_MAJOR}.0.0`, "26.10.0", "100.0.0-nightly", process.versions.node]) {
    assert.equal(refuseNode(version), null, version);
  }
});

test("an older one is refused in one sentence with both versions", () => {
  for (const version of ["20.20.2", "9.0.0", "23.11.1"]) {
    const refusal = refuseNode(version) ?? "";
    assert.match(refusal, /^expressgateway needs Node\.js 24 or later, this is /);
    assert.ok(refusal.includes(version) && !refusal.includes("\n"), refusal);
  }
});
