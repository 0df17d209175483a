import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { test } from "node:test";
import { readProcessUsage } from "./process-usage.ts";

test("the usage of this process agrees with what it knows itself", () => {
  const usage = readProcessUsage(process.pid);
  assert.ok(usage !== null);
  const { user, system } = process.cpuUsage();
  assert.ok(Math.abs(usage.cpuSeconds - (user + system) / 1e6) < 1);
  assert.ok(Math.abs(usage.residentBytes - process.memoryUsage.rss()) < 64 << 20);
  assert.ok(usage.virtualBytes > usage.residentBytes);
});

test("descriptors are counted", () => {
  const before = readProcessUsage(process.pid)?.openDescriptors ?? 0;
  const opened = Array.from({ length: 20 }, () => openSync("/dev/null", "r"));
  assert.equal(readProcessUsage(process.pid)?.openDescriptors, before + 20);
  for (const fd of opened) closeSync(fd);
});

test("a process that has ended has no usage", async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  assert.equal(readProcessUsage(child.pid ?? 0), null);
});
