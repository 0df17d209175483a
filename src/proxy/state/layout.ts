/**
 * The layout of the region of memory that the control plane and the workers share: a header, then
 * one stripe per worker. A stripe has a single writer, its worker, and many readers, so that a
 * worker killed at any instruction leaves nothing locked. The control plane initialises the region;
 * each process then opens `Stripe` and `Region` views over it. With `workers = 0` the region is an
 * ordinary `ArrayBuffer` with one stripe.
 *
 *     region: header page | stripe 0 | stripe 1 | ...
 *     stripe: header page (heartbeat, pid, flags) | counters | per-IP table
 */
import { assert } from "../../base/assert.ts";
import { COUNTER_SLOTS, MAX_WORKERS, PER_IP_SETS, PER_IP_WAYS } from "../../base/limits.ts";

/** "EXGW", to tell the region from any other memory. */
const MAGIC = 0x45584757;

/** Changes with any change of this layout; a process never opens a region of another version. */
const LAYOUT_VERSION = 1;

/** Parts begin on pages, so that memory that a worker never touches is never allocated. */
const PAGE_BYTES = 4096;

/** 32-bit words of the region's header. */
const HEADER_MAGIC = 0;
const HEADER_VERSION = 1;
const HEADER_WORKERS = 2;
const HEADER_SEED = 3;

/** A set of the per-IP table: the ways' first key words, then their second ones, then their counts. */
export const PER_IP_SET_WORDS = PER_IP_WAYS * 3;
export const PER_IP_TABLE_WORDS = PER_IP_SETS * PER_IP_SET_WORDS;

/** Byte offsets inside a stripe. */
export const STRIPE_HEARTBEAT_BYTE = 0;
export const STRIPE_WORDS_BYTE = 8;
export const STRIPE_COUNTERS_BYTE = PAGE_BYTES;
export const STRIPE_PER_IP_BYTE = STRIPE_COUNTERS_BYTE + pages(COUNTER_SLOTS * 8);
export const STRIPE_BYTES = STRIPE_PER_IP_BYTE + pages(PER_IP_TABLE_WORDS * 4);

/** Indexes into the 32-bit words at `STRIPE_WORDS_BYTE`. */
export const STRIPE_WORD_PID = 0;
export const STRIPE_WORD_FLAGS = 1;
export const STRIPE_WORD_FENCE = 2;
export const STRIPE_WORD_COUNT = 3;

export interface RegionOptions {
  /** Stripes to lay out, 1 to `MAX_WORKERS`; 1 when the data plane runs in the main process. */
  readonly workers: number;
  /** Two random words; they key the hash of the per-IP tables, so that no peer can aim at a set. */
  readonly seed: Int32Array;
}

/** Bytes of a region for `workers` stripes. */
export function regionBytes(workers: number): number {
  assert(Number.isInteger(workers) && workers >= 1 && workers <= MAX_WORKERS, "worker count out of range");
  return PAGE_BYTES + workers * STRIPE_BYTES;
}

/** Writes the header of a fresh, zeroed region. Once, by the process that created it. */
export function initRegion(buffer: ArrayBuffer, options: RegionOptions): void {
  assert(buffer.byteLength >= regionBytes(options.workers), "shared region too small");
  const header = headerWords(buffer);
  header[HEADER_VERSION] = LAYOUT_VERSION;
  header[HEADER_WORKERS] = options.workers;
  header.set(options.seed.subarray(0, 2), HEADER_SEED);
  header[HEADER_MAGIC] = MAGIC;
}

/** What the header says. Asserts that the memory is a region of this version and whole. */
export function readRegion(buffer: ArrayBuffer): RegionOptions {
  assert(buffer.byteLength >= PAGE_BYTES, "shared region too small");
  const header = headerWords(buffer);
  assert(header[HEADER_MAGIC] === MAGIC, "memory is not a shared region");
  assert(header[HEADER_VERSION] === LAYOUT_VERSION, "shared region of another version");
  const workers = header[HEADER_WORKERS] ?? 0;
  assert(buffer.byteLength >= regionBytes(workers), "shared region too small");
  return { workers, seed: header.slice(HEADER_SEED, HEADER_SEED + 2) };
}

/** Byte offset of a worker's stripe. */
export function stripeByte(index: number): number {
  return PAGE_BYTES + index * STRIPE_BYTES;
}

function headerWords(buffer: ArrayBuffer): Int32Array {
  return new Int32Array(buffer, 0, HEADER_SEED + 2);
}

function pages(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}
