import assert from "node:assert/strict";
import { closeSync, ftruncateSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { loadNativeAddon } from "./native-addon.ts";
import { createPlainMemory, createSharedMemory, mapSharedMemory } from "./shared-memory.ts";

const load = loadNativeAddon();
const options = { skip: load.kind === "missing" ? load.reason : false, timeout: 20_000 };

function mappings(): number {
  return readFileSync("/proc/self/maps", "latin1").split("/memfd:expressgateway").length - 1;
}

test("two mappings of one descriptor are the same memory, and outlive it", options, () => {
  const { buffer, fd } = createSharedMemory(8192);
  assert.ok(fd !== null);
  const again = mapSharedMemory(fd, 8192).buffer;
  closeSync(fd);
  assert.equal(buffer.byteLength, 8192);
  assert.ok(new Uint8Array(buffer).every((byte) => byte === 0));
  new Float64Array(buffer)[1000] = 0.5;
  assert.equal(new Float64Array(again)[1000], 0.5);
});

test("the memory can be neither shrunk nor grown", options, () => {
  const { fd } = createSharedMemory(8192);
  assert.ok(fd !== null);
  assert.throws(() => ftruncateSync(fd, 4096), { code: "EPERM" });
  assert.throws(() => ftruncateSync(fd, 16_384), { code: "EPERM" });
  closeSync(fd);
});

test("more than there is, or what is no memory, cannot be mapped", options, () => {
  const { fd } = createSharedMemory(4096);
  assert.ok(fd !== null);
  assert.throws(() => mapSharedMemory(fd, 4097), { code: "EINVAL", syscall: "mmap" });
  closeSync(fd);
  assert.throws(() => mapSharedMemory(-1, 4096), { code: "EBADF", syscall: "fstat" });
});

test("a buffer that nobody holds is unmapped", options, async () => {
  const before = mappings();
  for (let i = 0; i < 10; i++) {
    const { fd } = createSharedMemory(1 << 20);
    if (fd !== null) closeSync(fd);
  }
  assert.ok(mappings() > before);
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  while (mappings() > before) {
    collect();
    await turn();
  }
});

test("without the addon the memory is the process's own", () => {
  const { buffer, fd } = createSharedMemory(4096, null);
  assert.equal(buffer.byteLength, 4096);
  assert.equal(fd, null);
  assert.equal(createPlainMemory(64).buffer.byteLength, 64);
  assert.throws(() => mapSharedMemory(3, 4096, null), /needs the native addon/);
});
