/**
 * The commands of a native transport that wait to be carried out: a ring of words that the addon
 * reads. Consecutive bytes for one connection are one command, so that they are one system call.
 */
import type { NativeConnection } from "./native-connection.ts";
import { COMMAND_SEND_OUT, COMMAND_SEND_SLAB, RECORD_WORDS } from "./native-layout.ts";

/** Commands of a batch; more are carried out in parts. */
const COMMANDS = 8192;

export class NativeCommands {
  readonly ring = new Int32Array(COMMANDS * RECORD_WORDS);
  /** Counts the times that commands were carried out. */
  batch = 1;
  /** Words in use. */
  #top = 0;
  readonly #submit: (count: number) => void;

  /** `submit` carries out so many commands at once, when the ring is full. */
  constructor(submit: (count: number) => void) {
    this.#submit = submit;
  }

  push(kind: number, id: number, a: number, b: number): void {
    const { ring } = this;
    if (this.#top === ring.length) this.flush();
    const top = this.#top;
    ring[top] = kind;
    ring[top + 1] = id;
    ring[top + 2] = a;
    ring[top + 3] = b;
    this.#top = top + RECORD_WORDS;
  }

  /** Bytes of `out` or of the slab. */
  send(kind: number, target: NativeConnection, start: number, end: number): void {
    if (!target.open || end === start) return;
    const { ring } = this;
    const last = this.#top - RECORD_WORDS;
    const continues = last >= 0 && ring[last] === kind && ring[last + 1] === target.id;
    if (continues && ring[last + 3] === start) ring[last + 3] = end;
    else this.push(kind, target.id, start, end);
    if (target.stagedIn !== this.batch) {
      target.stagedIn = this.batch;
      target.stagedBytes = 0;
    }
    target.stagedBytes += end - start;
  }

  /** What was staged last for this connection is not sent. */
  dropSends(id: number): void {
    const { ring } = this;
    for (let last = this.#top - RECORD_WORDS; last >= 0; last -= RECORD_WORDS) {
      const sends = ring[last] === COMMAND_SEND_OUT || ring[last] === COMMAND_SEND_SLAB;
      if (!sends || ring[last + 1] !== id) return;
      this.#top = last;
    }
  }

  /** Hands over what is in the ring; returns how many commands. */
  take(): number {
    const count = this.#top / RECORD_WORDS;
    this.#top = 0;
    this.batch += 1;
    return count;
  }

  flush(): void {
    if (this.#top > 0) this.#submit(this.take());
  }
}
