/**
 * The staging half of a transport that sends through sockets with a `write`: an arena that owners
 * encode into, and the rule that consecutive sends to one connection become one write.
 */
import { assert } from "../base/assert.ts";
import { MAX_RESERVE_BYTES } from "../base/limits.ts";

/** Big enough for the usual head with a full read buffer behind it; larger reservations get their own. */
const ARENA_BYTES = 80 * 1024;

/** What takes staged bytes. Returns true when the bytes were taken at once, so that the arena is free again. */
export interface StageTarget {
  writeOut(bytes: Buffer): boolean;
}

export class SendStage {
  out: Buffer = Buffer.allocUnsafeSlow(ARENA_BYTES);
  #used = 0;
  #target: StageTarget | null = null;
  #start = 0;

  reserve(size: number): number {
    assert(size <= MAX_RESERVE_BYTES, "reservation over the limit");
    if (this.out.length - this.#used < size) {
      this.flush();
      if (this.out.length - this.#used < size) {
        this.out = Buffer.allocUnsafeSlow(Math.max(ARENA_BYTES, size));
        this.#used = 0;
      }
    }
    return this.#used;
  }

  send(target: StageTarget, start: number, end: number): void {
    if (this.#target !== target) {
      // What `reserve` gave must survive the flush of the other target's bytes.
      if (this.#target !== null) this.#write(start);
      this.#target = target;
      this.#start = start;
    }
    this.#used = end;
  }

  /** Bytes staged for this target and not handed to it yet. */
  stagedBytes(target: StageTarget): number {
    return this.#target === target ? this.#used - this.#start : 0;
  }

  flush(): void {
    if (this.#target !== null && this.#write(this.#used)) this.#used = 0;
  }

  /** A target that is gone takes nothing any more. */
  forget(target: StageTarget): void {
    if (this.#target === target) {
      this.#target = null;
      this.#used = 0;
    }
  }

  #write(end: number): boolean {
    const target = this.#target as StageTarget;
    const arena = this.out;
    this.#target = null;
    const taken = target.writeOut(arena.subarray(this.#start, end));
    if (!taken && this.out === arena) {
      // The pending write keeps this arena; bytes after `end` belong to the reservation in progress.
      const next = Buffer.allocUnsafeSlow(Math.max(ARENA_BYTES, arena.length));
      arena.copy(next, end, end);
      this.out = next;
    }
    return taken;
  }
}
