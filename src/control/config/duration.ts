/**
 * Durations of the configuration: `"500ms"`, `"10s"`, `"5m"`, `"1h"`, or a bare number in the unit that
 * the name of the key ends with. Feature row A6.7.
 */
import type { DurationUnit } from "./field.ts";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** For the JSON Schema; the reader below takes exactly this. */
export const DURATION_PATTERN = "^[0-9]{1,15}(ms|s|m|h)$";

/** Milliseconds of `"500ms"` and the like; `undefined` when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,15})(ms|s|m|h)$/.exec(text);
  if (!match) return undefined;
  return Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? Number.NaN);
}

/** The unit of a bare number: what the key's name ends with, else seconds. */
export function bareUnit(key: string): DurationUnit {
  return key.endsWith("_ms") ? "ms" : "s";
}

/** How many milliseconds one `unit` has. */
export function unitMs(unit: DurationUnit): number {
  return unit === "ms" ? 1 : 1000;
}

/** `90000` in milliseconds as `90s`: the largest unit that needs no fraction. */
export function formatDuration(value: number, unit: DurationUnit): string {
  const ms = value * unitMs(unit);
  if (ms === 0) return "0ms";
  const fitting = ["h", "m", "s"].find((name) => ms % (UNIT_MS[name] ?? 1) === 0) ?? "ms";
  return `${ms / (UNIT_MS[fitting] ?? 1)}${fitting}`;
}
