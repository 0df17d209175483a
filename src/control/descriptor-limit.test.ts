import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../base/log.ts";
import { neededDescriptors, openFileLimit, warnOfDescriptorLimit } from "./descriptor-limit.ts";

test("connections are shared by the workers and cost two descriptors each", () => {
  assert.equal(neededDescriptors({ listeners: 2, maxInflightConnections: 1000, workers: 4 }), 1064);
  assert.equal(neededDescriptors({ listeners: 1, maxInflightConnections: 101, workers: 2 }), 166);
});

test("workers = 0 counts as one process", () => {
  assert.equal(neededDescriptors({ listeners: 1, maxInflightConnections: 100, workers: 0 }), 264);
});

test("the warning names the number to set, and only comes when it is needed", () => {
  const lines: string[] = [];
  const log = { ...silentLog, warn: (_fields: object, message: string) => void lines.push(message) };
  const need = { listeners: 1, maxInflightConnections: 1000, workers: 1 };
  warnOfDescriptorLimit(log, need, 2064);
  warnOfDescriptorLimit(log, need, 1024);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /to 2064$/);
});

test("this process has a limit above nothing", () => {
  assert.ok(openFileLimit() > 0);
});
