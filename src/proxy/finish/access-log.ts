/**
 * The access log of one worker: a line per finished exchange, encoded into a buffer, written in
 * batches off the event loop. It never blocks traffic: when the disk or the reader of a pipe cannot
 * keep up, lines are dropped, and counted. Feature row A19.2.
 */
import { close, fstatSync, openSync, write } from "node:fs";
import type { Log } from "../../base/log.ts";
import { GLOBAL_SLOTS, type AccessLogPlan } from "../plan.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { MAX_LINE_BYTES, writeCommon, writeJson } from "./access-log-format.ts";
import { LineWriter } from "./line-writer.ts";
import { LogTime } from "./log-time.ts";

/** A batch; written when full, or when `FLUSH_INTERVAL_MS` has passed. */
const BATCH_BYTES = 256 * 1024;
/** Batches that may wait for the disk: 4 MiB of lines. */
const MAX_WAITING_BATCHES = 16;
/** Longest that a line waits for company. */
export const FLUSH_INTERVAL_MS = 200;
/** Writes of at most this size are not torn apart on a pipe shared by several workers (POSIX PIPE_BUF). */
const PIPE_BUF = 4096;
const LF = 0x0a;

/** The highest descriptor that is not ours to close. */
const LAST_STANDARD_STREAM = 2;

const STANDARD_STREAMS: Readonly<Record<string, number>> = { stdout: 1, stderr: 2 };

export class AccessLog {
  readonly #counters: Float64Array;
  readonly #log: Log;
  #plan: AccessLogPlan = { enabled: false, path: "stdout", format: "json", sample: 1 };
  #descriptor = -1;
  #pipe = false;
  readonly #line = new LineWriter(Buffer.allocUnsafeSlow(BATCH_BYTES));
  readonly #time = new LogTime();
  #waiting: Buffer[] = [];
  /** Batch buffers to use again. */
  readonly #spare: Buffer[] = [];
  #writing = false;
  #flushed: (() => void)[] = [];

  constructor(counters: Float64Array, log: Log) {
    this.#counters = counters;
    this.#log = log;
  }

  /** Lines go to what `openAccessLog` opened from now on; the lines so far still go where they should. */
  use(opened: OpenedAccessLog): void {
    this.#swap(opened.descriptor);
    this.#plan = opened.plan;
  }

  /** Opens the file anew, after it was rotated. */
  reopen(): void {
    if (!this.#plan.enabled || this.#plan.path in STANDARD_STREAMS) return;
    try {
      this.#swap(openTarget(this.#plan.path));
    } catch (error) {
      this.#log.error(
        { path: this.#plan.path, error: String(error) },
        "the access log could not be reopened",
      );
    }
  }

  get enabled(): boolean {
    return this.#plan.enabled;
  }

  /** Whether an exchange that ended with this status gets a line. Errors always do. */
  samples(status: number, chance: number): boolean {
    return status >= 400 || status === 0 || this.#plan.sample >= 1 || chance < this.#plan.sample;
  }

  /** `status`: what the client was sent; 0 when nothing was. `nowMs`: monotonic, the end of the exchange. */
  append(exchange: Exchange, status: number, nowMs: number): void {
    const line = this.#line;
    if (line.position + MAX_LINE_BYTES > BATCH_BYTES) this.#push();
    if (line.position + MAX_LINE_BYTES > BATCH_BYTES) {
      (this.#counters[GLOBAL_SLOTS.access_log_dropped_total] as number) += 1;
      return;
    }
    this.#time.nowMs = nowMs;
    if (this.#plan.format === "json") writeJson(line, exchange, status, this.#time);
    else writeCommon(line, exchange, status, this.#time);
    (this.#counters[GLOBAL_SLOTS.access_log_lines_total] as number) += 1;
  }

  /** Sends off what has gathered; called by the worker's clock. */
  tick(): void {
    if (this.#line.position > 0) this.#push();
  }

  /** Resolves when all lines so far are written, or dropped because writing failed. */
  flush(): Promise<void> {
    this.tick();
    if (!this.#writing) return Promise.resolve();
    return new Promise((resolve) => this.#flushed.push(resolve));
  }

  #swap(descriptor: number): void {
    this.tick();
    const old = this.#descriptor;
    const closing = old > LAST_STANDARD_STREAM;
    this.#descriptor = descriptor;
    this.#pipe = descriptor !== -1 && fstatSync(descriptor).isFIFO();
    if (closing) void this.flush().then(() => close(old));
  }

  #push(): void {
    if (this.#waiting.length >= MAX_WAITING_BATCHES) return;
    const line = this.#line;
    this.#waiting.push(line.target.subarray(0, line.position));
    line.target = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES);
    line.position = 0;
    if (!this.#writing) this.#writeNext();
  }

  #writeNext(): void {
    const batch = this.#waiting[0];
    if (batch === undefined || this.#descriptor === -1) {
      this.#waiting = [];
      this.#writing = false;
      const flushed = this.#flushed;
      this.#flushed = [];
      for (const resolve of flushed) resolve();
      return;
    }
    this.#writing = true;
    const size = this.#pipe ? pieceEnd(batch) : batch.length;
    write(this.#descriptor, batch, 0, size, null, (error, written) => this.#onWritten(batch, error, written));
  }

  #onWritten(batch: Buffer, error: NodeJS.ErrnoException | null, written: number): void {
    if (error !== null && error.code !== "EAGAIN") {
      this.#dropBatch(batch, error);
    } else if (error === null) {
      if (written >= batch.length) this.#finishBatch();
      else this.#waiting[0] = batch.subarray(written);
    } else {
      setTimeout(() => this.#writeNext(), FLUSH_INTERVAL_MS);
      return;
    }
    this.#writeNext();
  }

  #finishBatch(): void {
    const batch = this.#waiting.shift();
    if (batch !== undefined && this.#spare.length === 0) this.#spare.push(Buffer.from(batch.buffer));
  }

  #dropBatch(batch: Buffer, error: NodeJS.ErrnoException): void {
    this.#finishBatch();
    let lines = 0;
    for (let i = batch.indexOf(LF); i !== -1; i = batch.indexOf(LF, i + 1)) lines++;
    (this.#counters[GLOBAL_SLOTS.access_log_dropped_total] as number) += lines;
    this.#log.error(
      { path: this.#plan.path, code: error.code, lines },
      "access log lines could not be written",
    );
  }
}

/** A plan's access log, open already, so that going live cannot fail. */
export interface OpenedAccessLog {
  readonly plan: AccessLogPlan;
  /** -1 when it is off. */
  readonly descriptor: number;
}

/** Throws an `Error` with an errno `code` when the file cannot be opened. */
export function openAccessLog(plan: AccessLogPlan): OpenedAccessLog {
  return { plan, descriptor: plan.enabled ? openTarget(plan.path) : -1 };
}

/** For one that is not going to be used. */
export function discardAccessLog(opened: OpenedAccessLog): void {
  if (opened.descriptor > LAST_STANDARD_STREAM) close(opened.descriptor);
}

function openTarget(path: string): number {
  return STANDARD_STREAMS[path] ?? openSync(path, "a", 0o640);
}

/** The end of the last whole line within `PIPE_BUF`; the whole first line if that is longer. */
function pieceEnd(batch: Buffer): number {
  if (batch.length <= PIPE_BUF) return batch.length;
  const last = batch.lastIndexOf(LF, PIPE_BUF - 1);
  return last === -1 ? batch.indexOf(LF) + 1 : last + 1;
}
