/**
 * Writes batches of log lines to descriptors, off the event loop, in order. It never waits for a
 * target: while one does not take bytes, batches gather up to a bound, and beyond it the caller is told
 * to drop. A batch goes to the target that was current when it was made, also after a rotation.
 */
import { close, constants, fstatSync, openSync, write } from "node:fs";

/** A batch; written when full, or when `FLUSH_INTERVAL_MS` has passed. */
export const BATCH_BYTES = 256 * 1024;
/** Batches that may wait for the disk: 4 MiB of lines. */
export const MAX_WAITING_BATCHES = 16;
/** Longest that a line waits for company. */
export const FLUSH_INTERVAL_MS = 200;
/** A full pipe is tried again after so long: at first soon, as a reader that keeps up empties it at once, then less often. */
const MIN_RETRY_MS = 1;
const MAX_RETRY_MS = 200;
/** How long a flush waits for a target that takes nothing: a stuck reader must not hold up a shutdown. */
export const MAX_FLUSH_MS = 2000;
/** Writes of at most this size are not torn apart on a pipe shared by several workers (POSIX PIPE_BUF). */
const PIPE_BUF = 4096;
const LF = 0x0a;

/** The highest descriptor that is not ours to close. */
const LAST_STANDARD_STREAM = 2;

const STANDARD_STREAMS: ReadonlyMap<string, number> = new Map([
  ["stdout", 1],
  ["stderr", 2],
]);

/** An open file, pipe or stream. */
export interface LogTarget {
  readonly descriptor: number;
  readonly pipe: boolean;
}

/** Whether the path means a stream of the process, which cannot be opened anew. */
export function isStandardStream(path: string): boolean {
  return STANDARD_STREAMS.has(path);
}

/** Opens a file for appending, or a pipe, without ever waiting for its reader. Throws with an errno `code`. */
export function openLogTarget(path: string): LogTarget {
  const descriptor = STANDARD_STREAMS.get(path) ?? openPath(path);
  return { descriptor, pipe: fstatSync(descriptor).isFIFO() };
}

function openPath(path: string): number {
  const flags = constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
  try {
    return openSync(path, constants.O_WRONLY | flags, 0o640);
  } catch (error) {
    // A pipe that nobody reads yet. Open for both, it keeps what fits until the reader comes (fifo(7)).
    if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
    return openSync(path, constants.O_RDWR | flags);
  }
}

/** Closes what `openLogTarget` opened, but for the streams of the process. */
export function closeLogTarget(target: LogTarget): void {
  if (target.descriptor > LAST_STANDARD_STREAM) close(target.descriptor);
}

interface Batch {
  readonly target: LogTarget;
  bytes: Buffer;
}

export class LogWriter {
  readonly #onDropped: (lines: number, code: string) => void;
  readonly #waiting: Batch[] = [];
  /** Batch buffers to use again. */
  readonly #spare: Buffer[] = [];
  /** Targets that get no further batch, to be closed behind their last one. */
  readonly #retired = new Set<LogTarget>();
  #writing = false;
  #abandoned = false;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = MIN_RETRY_MS;
  #idle: (() => void)[] = [];

  /** `onDropped`: lines that could not be written, and the errno name. */
  constructor(onDropped: (lines: number, code: string) => void) {
    this.#onDropped = onDropped;
  }

  /** Takes over a buffer of whole lines and returns one to fill next; `null`: too many wait already. */
  push(target: LogTarget, lines: Buffer): Buffer | null {
    if (this.#waiting.length >= MAX_WAITING_BATCHES) return null;
    this.#waiting.push({ target, bytes: lines });
    if (!this.#writing) this.#writeNext();
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES);
  }

  /** The target gets no further batch; it is closed when its last one is written. */
  retire(target: LogTarget): void {
    this.#retired.add(target);
    this.#closeRetired();
  }

  /** Resolves with true when everything is written, with false after `MAX_FLUSH_MS`. */
  flush(): Promise<boolean> {
    if (!this.#writing) return Promise.resolve(true);
    return new Promise((resolve) => {
      const giveUp = setTimeout(() => resolve(false), MAX_FLUSH_MS);
      this.#idle.push(() => {
        clearTimeout(giveUp);
        resolve(true);
      });
    });
  }

  /** Drops what waits, but for the write that is under way, and stops trying. */
  abandon(): void {
    this.#abandoned = true;
    clearTimeout(this.#retry);
    const kept = this.#retry === undefined && this.#writing ? 1 : 0;
    for (const batch of this.#waiting.splice(kept)) this.#onDropped(countLines(batch.bytes), "EAGAIN");
    if (kept === 0) this.#writeNext();
  }

  #writeNext(): void {
    this.#retry = undefined;
    const batch = this.#waiting[0];
    this.#writing = batch !== undefined;
    if (batch === undefined) {
      const idle = this.#idle;
      this.#idle = [];
      for (const done of idle) done();
      return;
    }
    const { bytes, target } = batch;
    const size = target.pipe ? pieceEnd(bytes) : bytes.length;
    write(target.descriptor, bytes, 0, size, null, (error, written) =>
      this.#onWritten(batch, error, written),
    );
  }

  #onWritten(batch: Batch, error: NodeJS.ErrnoException | null, written: number): void {
    if (error?.code === "EAGAIN" && !this.#abandoned) {
      this.#retry = setTimeout(() => this.#writeNext(), this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
      return;
    }
    this.#retryMs = MIN_RETRY_MS;
    if (error === null && written < batch.bytes.length && !this.#abandoned) {
      batch.bytes = batch.bytes.subarray(written);
    } else {
      this.#waiting.shift();
      if (error !== null) this.#onDropped(countLines(batch.bytes), error.code ?? "EUNKNOWN");
      if (this.#spare.length === 0) this.#spare.push(Buffer.from(batch.bytes.buffer));
      this.#closeRetired();
    }
    this.#writeNext();
  }

  #closeRetired(): void {
    for (const target of this.#retired) {
      if (this.#waiting.some((batch) => batch.target === target)) continue;
      this.#retired.delete(target);
      closeLogTarget(target);
    }
  }
}

/** The end of the last whole line within `PIPE_BUF`; the whole first line if that is longer. */
function pieceEnd(batch: Buffer): number {
  if (batch.length <= PIPE_BUF) return batch.length;
  const last = batch.lastIndexOf(LF, PIPE_BUF - 1);
  return last === -1 ? batch.indexOf(LF) + 1 : last + 1;
}

/** How many lines end in it. */
export function countLines(batch: Buffer): number {
  let lines = 0;
  for (let i = batch.indexOf(LF); i !== -1; i = batch.indexOf(LF, i + 1)) lines++;
  return lines;
}
