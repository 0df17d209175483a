/**
 * How the program logs, from its environment: `LB_LOG_FORMAT` and `LB_LOG`, with `RUST_LOG`'s plain
 * level as the fallback (feature row A19.1). The main process and each worker read it at start.
 */
import type { Environment } from "../../base/environment.ts";

/** `text` and `plain` are lines for people; `text` has colours on a terminal, `plain` never. */
export type LogFormat = "json" | "text" | "plain";
export type LogThreshold = "trace" | "debug" | "info" | "warn" | "error" | "off";

export interface LogOptions {
  readonly format: LogFormat;
  readonly threshold: LogThreshold;
}

/** The environment asks for something that we do not know; the message names the allowed values. */
export class LogOptionsError extends Error {
  override readonly name = "LogOptionsError";
}

const FORMATS: readonly string[] = ["json", "text", "plain"] satisfies LogFormat[];
const THRESHOLDS: readonly string[] = [
  "trace",
  "debug",
  "info",
  "warn",
  "error",
  "off",
] satisfies LogThreshold[];

/** Throws `LogOptionsError` for an unknown format or level. */
export function logOptionsFromEnvironment(environment: Environment): LogOptions {
  const format = environment["LB_LOG_FORMAT"]?.toLowerCase() ?? "";
  if (format !== "" && !FORMATS.includes(format)) {
    throw new LogOptionsError(`LB_LOG_FORMAT is "${format}"; allowed: ${FORMATS.join(", ")}`);
  }
  return {
    format: format === "" ? "json" : (format as LogFormat),
    threshold: threshold(environment),
  };
}

function threshold(environment: Environment): LogThreshold {
  const level = environment["LB_LOG"]?.toLowerCase() ?? "";
  if (level === "") return rustLogLevel(environment["RUST_LOG"] ?? "");
  if (!THRESHOLDS.includes(level)) {
    throw new LogOptionsError(`LB_LOG is "${level}"; allowed: ${THRESHOLDS.join(", ")}`);
  }
  return level as LogThreshold;
}

/**
 * `RUST_LOG` is a list of directives (`info,lb_core=debug`); only one that is a bare level says
 * something to us, and what we do not know is not ours to refuse.
 */
function rustLogLevel(directives: string): LogThreshold {
  const bare = directives
    .toLowerCase()
    .split(",")
    .map((directive) => directive.trim());
  return (bare.find((directive) => THRESHOLDS.includes(directive)) ?? "info") as LogThreshold;
}
