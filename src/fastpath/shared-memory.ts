/**
 * Memory that the main process and its workers share. The main process creates it and passes the
 * descriptor to each worker (`stdio` of `child_process.spawn`), which maps it. The twin, for a data
 * plane inside the main process, is an ordinary `ArrayBuffer`. What it holds: `proxy/state`.
 */
import { type NativeAddon, nativeAddon } from "./native-addon.ts";

export interface SharedMemory {
  readonly buffer: ArrayBuffer;
  /** To pass to workers; null: the memory is this process's own. Closed by whoever created it. */
  readonly fd: number | null;
}

/** Shows up in /proc/PID/maps and /proc/PID/fd. */
const MEMORY_NAME = "expressgateway";

/**
 * Zeroed memory of `bytes` that other processes can map; without the addon, memory that they cannot
 * (`fd` null). Throws an `Error` with an errno `code` when the kernel refuses.
 */
export function createSharedMemory(bytes: number, addon: NativeAddon | null = nativeAddon()): SharedMemory {
  if (addon === null) return createPlainMemory(bytes);
  const fd = addon.createSharedMemory(MEMORY_NAME, bytes);
  return { buffer: addon.mapSharedMemory(fd, bytes), fd };
}

/** The plain twin: an ordinary `ArrayBuffer`, for `workers = 0`. */
export function createPlainMemory(bytes: number): SharedMemory {
  return { buffer: new ArrayBuffer(bytes), fd: null };
}

/**
 * Maps memory whose descriptor another process passed on. Throws an `Error` with an errno `code`,
 * or a plain one without the addon.
 */
export function mapSharedMemory(
  fd: number,
  bytes: number,
  addon: NativeAddon | null = nativeAddon(),
): SharedMemory {
  if (addon === null) throw new Error("shared memory needs the native addon");
  return { buffer: addon.mapSharedMemory(fd, bytes), fd };
}
