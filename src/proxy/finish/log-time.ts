/** Timestamps of log lines: the part up to the second is formatted once a second. */
import { wordText } from "../../base/word-text.ts";
import { civilTime, type CivilTime } from "../../wire/http/civil-time.ts";
import type { LineWriter } from "./line-writer.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

export class LogTime {
  readonly #before: string;
  #second = -1;
  #rfc3339 = wordText("");
  #common = "";

  /** `before`: ASCII text that stands in front of every RFC 3339 timestamp, and is copied with it. */
  constructor(before = "") {
    this.#before = before;
  }

  /** Writes `before` and RFC 3339 in UTC with milliseconds, but for the `Z`. `wallMs` is whole. */
  rfc3339(line: LineWriter, wallMs: number): void {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#second) this.#format(second, wallMs);
    line.constant(this.#rfc3339);
    line.threeDigits(wallMs - second * 1000);
  }

  /** As in the common log format, `10/Oct/2000:13:55:36 +0000`. */
  common(wallMs: number): string {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#second) this.#format(second, wallMs);
    return this.#common;
  }

  #format(second: number, wallMs: number): void {
    this.#second = second;
    const time = civilTime(wallMs);
    const date = `${time.year}-${two(time.month)}-${two(time.day)}`;
    this.#rfc3339 = wordText(`${this.#before}${date}T${clock(time)}.`);
    this.#common = `${two(time.day)}/${MONTHS[time.month - 1]}/${time.year}:${clock(time)} +0000`;
  }
}

function clock(time: CivilTime): string {
  return `${two(time.hour)}:${two(time.minute)}:${two(time.second)}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
