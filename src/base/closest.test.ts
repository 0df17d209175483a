import assert from "node:assert/strict";
import { test } from "node:test";
import { closest } from "./closest.ts";

const names = ["Host", "HostRegexp", "PathPrefix", "Method"];

test("a typing error finds the word that was meant", () => {
  assert.equal(closest("host", names), "Host");
  assert.equal(closest("Hots", names), undefined);
  assert.equal(closest("Hst", names), "Host");
  assert.equal(closest("PathPreffix", names), "PathPrefix");
  assert.equal(closest("hostregex", names), "HostRegexp");
});

test("a word that is far from all finds none", () => {
  assert.equal(closest("Cookie", names), undefined);
  assert.equal(closest("", names), undefined);
  assert.equal(closest("x".repeat(100_000), names), undefined);
});
