/** Timestamps of log lines: the part up to the second is formatted once a second. */
import { civilTime, type CivilTime } from "../../wire/http/civil-time.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const FRACTIONS = Array.from({ length: 1000 }, (_, ms) => `.${String(ms).padStart(3, "0")}Z`);

export class LogTime {
  /** Monotonic milliseconds at the end of the exchange that is being logged. */
  nowMs = 0;
  #second = -1;
  #rfc3339 = "";
  #common = "";

  /** RFC 3339 in UTC, with milliseconds. `wallMs` is whole. */
  rfc3339(wallMs: number): string {
    this.#format(wallMs);
    return this.#rfc3339 + (FRACTIONS[wallMs % 1000] as string);
  }

  /** As in the common log format, `10/Oct/2000:13:55:36 +0000`. */
  common(wallMs: number): string {
    this.#format(wallMs);
    return this.#common;
  }

  #format(wallMs: number): void {
    const second = Math.floor(wallMs / 1000);
    if (second === this.#second) return;
    this.#second = second;
    const time = civilTime(wallMs);
    this.#rfc3339 = `${time.year}-${two(time.month)}-${two(time.day)}T${clock(time)}`;
    this.#common = `${two(time.day)}/${MONTHS[time.month - 1]}/${time.year}:${clock(time)} +0000`;
  }
}

function clock(time: CivilTime): string {
  return `${two(time.hour)}:${two(time.minute)}:${two(time.second)}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
