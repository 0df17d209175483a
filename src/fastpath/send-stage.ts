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
      if (this.#target !== null && !this.#write(start)) this.#move(start);
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
    if (this.#target === null) return;
    if (!this.#write(this.#used)) this.out = Buffer.allocUnsafeSlow(ARENA_BYTES);
    this.#used = 0;
  }

  /** A target that is gone takes nothing any more. */
  forget(target: StageTarget): void {
    if (this.#target === target) {
      this.#target = null;
      this.#used = 0;
    }
  }

  /** False: the target's pending write keeps this arena. */
  #write(end: number): boolean {
    const target = this.#target as StageTarget;
    this.#target = null;
    return target.writeOut(this.out.subarray(this.#start, end));
  }

  /** To an arena of its own with the reservation in progress, which begins at `start`. */
  #move(start: number): void {
    const arena = this.out;
    this.out = Buffer.allocUnsafeSlow(arena.length);
    arena.copy(this.out, start, start);
  }
}
