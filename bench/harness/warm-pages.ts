/**
 * Memory that a virtual machine has given back is slow to write for the first time: its host has to
 * find pages. Logs grow into such memory, so that what a run costs would depend on what was freed
 * before it. A file as large as a run's logs, written and removed, leaves pages that are at hand.
 */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const CHUNK = Buffer.alloc(1024 * 1024, "x");

/** More than a run of 3 seconds logs at 100,000 requests/s and 500 bytes each. */
const CHUNKS = 160;

export function warmPages(dir: string): void {
  const path = join(dir, "warm-pages");
  const file = openSync(path, "w");
  try {
    for (let i = 0; i < CHUNKS; i++) writeSync(file, CHUNK);
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
