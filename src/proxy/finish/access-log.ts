/**
 * The access log of one worker: a line per finished exchange, encoded into a buffer, written in
 * batches off the event loop (`log-writer.ts`). It never blocks traffic: when the disk or the reader
 * of a pipe cannot keep up, lines are dropped, and counted. Feature row A19.2.
 */
import type { Log } from "../../base/log.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { AccessLogPlan } from "../plan.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { JSON_START, MAX_LINE_BYTES, writeCommon, writeJson } from "./access-log-format.ts";
import { LineWriter } from "./line-writer.ts";
import { LogTime } from "./log-time.ts";
import { type RelayRecord, writeRelay } from "./relay-line.ts";
import {
  BATCH_BYTES,
  closeLogTarget,
  countLines,
  isStandardStream,
  type LogTarget,
  LogWriter,
  openLogTarget,
} from "./log-writer.ts";

export class AccessLog {
  readonly #counters: Float64Array;
  readonly #log: Log;
  readonly #writer: LogWriter;
  #plan: AccessLogPlan = { enabled: false, path: "stdout", format: "json", sample: 1 };
  #target: LogTarget | null = null;
  readonly #line = new LineWriter(Buffer.allocUnsafeSlow(BATCH_BYTES));
  readonly #time = new LogTime(JSON_START);

  constructor(counters: Float64Array, log: Log) {
    this.#counters = counters;
    this.#log = log;
    this.#writer = new LogWriter((lines, code) => this.#onDropped(lines, code));
  }

  /** Lines go to what `openAccessLog` opened from now on; the lines so far still go where they should. */
  use(opened: OpenedAccessLog): void {
    this.#swap(opened.target);
    this.#plan = opened.plan;
  }

  /** Opens the file anew, after it was rotated. */
  reopen(): void {
    if (!this.#plan.enabled || isStandardStream(this.#plan.path)) return;
    try {
      this.#swap(openLogTarget(this.#plan.path));
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

  /** Whether chance decides about lines: only then `samples` needs a number. */
  get sampling(): boolean {
    return this.#plan.sample < 1;
  }

  /** Whether an exchange that ended with this status gets a line. Errors always do. */
  samples(status: number, chance: number): boolean {
    return status >= 400 || status === 0 || this.#plan.sample >= 1 || chance < this.#plan.sample;
  }

  /** `status`: what the client was sent; 0 when nothing was. */
  append(exchange: Exchange, status: number): void {
    const line = this.#line;
    if (!this.#hasRoom()) return;
    if (this.#plan.format === "json") writeJson(line, exchange, status, this.#time);
    else writeCommon(line, exchange, status, this.#time);
    (this.#counters[GLOBAL_SLOTS.access_log_lines_total] as number) += 1;
  }

  /** A connection whose bytes were relayed; the common format knows only requests. `chance` as for `samples`. */
  appendRelay(record: RelayRecord, endMs: number, chance: number): void {
    const { enabled, format, sample } = this.#plan;
    if (!enabled || format !== "json" || (record.fault === null && chance >= sample)) return;
    if (!this.#hasRoom()) return;
    writeRelay(this.#line, record, endMs, this.#time);
    (this.#counters[GLOBAL_SLOTS.access_log_lines_total] as number) += 1;
  }

  /** Room for one more line; when there is none, it is dropped and counted. */
  #hasRoom(): boolean {
    const line = this.#line;
    if (line.position + MAX_LINE_BYTES > BATCH_BYTES) this.tick();
    if (line.position + MAX_LINE_BYTES <= BATCH_BYTES) return true;
    (this.#counters[GLOBAL_SLOTS.access_log_dropped_total] as number) += 1;
    return false;
  }

  /** Sends off what has gathered; called by the worker's clock. */
  tick(): void {
    const line = this.#line;
    if (line.position === 0 || this.#target === null) return;
    const next = this.#writer.push(this.#target, line.target.subarray(0, line.position));
    if (next === null) return;
    line.target = next;
    line.position = 0;
  }

  /** Resolves when all lines so far are written, or dropped because writing failed; it does not wait for long. */
  async flush(): Promise<void> {
    this.tick();
    const written = await this.#writer.flush();
    if (!written || this.#line.position === 0) return;
    // There was no room for the last ones before; now there is.
    this.tick();
    await this.#writer.flush();
  }

  /** Flushes, drops what could not be written, and closes. */
  async close(): Promise<void> {
    await this.flush();
    this.#dropUnsent();
    this.#writer.abandon();
    this.#swap(null);
    this.#plan = { ...this.#plan, enabled: false };
  }

  #swap(target: LogTarget | null): void {
    this.tick();
    this.#dropUnsent();
    if (this.#target !== null) this.#writer.retire(this.#target);
    this.#target = target;
  }

  /** The target is stuck and its queue full: these lines have nowhere to go. */
  #dropUnsent(): void {
    const line = this.#line;
    if (line.position > 0) this.#onDropped(countLines(line.target.subarray(0, line.position)), "EAGAIN");
    line.position = 0;
  }

  #onDropped(lines: number, code: string): void {
    (this.#counters[GLOBAL_SLOTS.access_log_dropped_total] as number) += lines;
    this.#log.error({ path: this.#plan.path, code, lines }, "access log lines could not be written");
  }
}

/** A plan's access log, open already, so that going live cannot fail. */
export interface OpenedAccessLog {
  readonly plan: AccessLogPlan;
  /** `null` when it is off. */
  readonly target: LogTarget | null;
}

/** Throws an `Error` with an errno `code` when the file cannot be opened. */
export function openAccessLog(plan: AccessLogPlan): OpenedAccessLog {
  return { plan, target: plan.enabled ? openLogTarget(plan.path) : null };
}

/** For one that is not going to be used. */
export function discardAccessLog({ target }: OpenedAccessLog): void {
  if (target !== null) closeLogTarget(target);
}
