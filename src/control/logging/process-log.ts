/**
 * The log of a process: pino, to stderr, in the format that the environment asks for. The main
 * process and each worker make one and hand its components on as `Log`. Writing never blocks: what a
 * stalled reader does not take is kept up to a limit and then dropped.
 */
import { isatty } from "node:tty";
import { pino, type DestinationStream, type Logger } from "pino";
import type { Log } from "../../base/log.ts";
import { humanLine } from "./human-line.ts";
import type { LogOptions, LogThreshold } from "./log-options.ts";
import { RepeatLimiter } from "./repeat-limiter.ts";

/** Log bytes that wait for a reader of stderr that stalls; beyond, lines are dropped. */
const MAX_BUFFERED_LOG_BYTES = 4 * 1024 * 1024;

const STDERR_FD = 2;

/** How often it is looked for windows that are over. */
const SWEEP_INTERVAL_MS = 1_000;

/** A reader of stderr that stalls holds up the end of the process for so long. */
const CLOSE_LIMIT_MS = 1_000;

export interface ProcessLog {
  /** The log of one part of the program; `target` names it in each line. */
  component(target: string): Log;
  /** Writes out what is buffered, for a process that dies: a line that is just being written may come behind it. */
  flush(): void;
  /** Writes out everything in its order, and no more; for an orderly end. Waits at most `CLOSE_LIMIT_MS` for a stalled reader. */
  close(): Promise<void>;
}

/** `bindings` go into each line, such as the index of a worker. */
export function openProcessLog(options: LogOptions, bindings: object = {}): ProcessLog {
  const stderr = pino.destination({
    fd: STDERR_FD,
    sync: false,
    minLength: 0,
    maxLength: MAX_BUFFERED_LOG_BYTES,
  });
  const colours = options.format === "text" && isatty(STDERR_FD);
  const stream: DestinationStream =
    options.format === "json"
      ? stderr
      : { write: (line: string) => void stderr.write(humanLine(line, colours)) };
  const log = new PinoProcessLog(makeLogger(options.threshold, stream, bindings));
  return {
    component: (target) => log.component(target),
    flush: () => (log.sweep(true), stderr.flushSync()),
    close: () => (log.sweep(true), log.silence(), closeDestination(stderr)),
  };
}

function closeDestination(stderr: ReturnType<typeof pino.destination>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, CLOSE_LIMIT_MS);
    stderr.once("finish", () => {
      clearTimeout(timer);
      resolve();
    });
    stderr.end();
  });
}

/** The logger behind `openProcessLog`, on any stream. JSON keys: timestamp, level, target, message. */
export function makeLogger(threshold: LogThreshold, stream: DestinationStream, bindings: object): Logger {
  return pino(
    {
      level: threshold === "off" ? "silent" : threshold,
      base: { ...bindings },
      messageKey: "message",
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}

/** Components of one logger behind one `RepeatLimiter`. */
export class PinoProcessLog {
  readonly #logger: Logger;
  readonly #limiter: RepeatLimiter;
  #silent = false;

  constructor(logger: Logger, nowMs: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#limiter = new RepeatLimiter(nowMs);
    setInterval(() => this.sweep(), SWEEP_INTERVAL_MS).unref();
  }

  component(target: string): Log {
    const logger = this.#logger.child({ target });
    return {
      debug: (fields, message) => {
        if (!this.#silent) logger.debug(fields, message);
      },
      info: (fields, message) => {
        if (this.#admits(target, message, fields)) logger.info(fields, message);
      },
      warn: (fields, message) => {
        if (this.#admits(target, message, fields)) logger.warn(fields, message);
      },
      error: (fields, message) => {
        if (this.#admits(target, message, fields)) logger.error(fields, message);
      },
    };
  }

  /** Nothing is written any more: what comes now has nowhere to go. */
  silence(): void {
    this.#silent = true;
  }

  #admits(target: string, message: string, fields: object): boolean {
    return !this.#silent && this.#limiter.admit(kindOf(target, message, fields));
  }

  /** Tells what was held back in the windows that are over; `all`: in every window, as the process ends. */
  sweep(all = false): void {
    if (this.#silent) return;
    this.#limiter.sweep((kind, suppressed) => {
      const [target, repeated, ...about] = kind.split(KIND_SEPARATOR);
      const fields = { target, suppressed, repeated, ...(about.length > 0 && { about: about.join(" ") }) };
      this.#logger.warn(fields, "log lines like this were held back");
    }, all);
  }
}

/** Fields that tell apart what the same sentence is about: one noisy backend must not silence the others. */
const IDENTIFYING_FIELDS = ["listener", "service", "backend", "host", "worker", "code", "place"] as const;

const KIND_SEPARATOR = "\n";

function kindOf(target: string, message: string, fields: object): string {
  let kind = `${target}${KIND_SEPARATOR}${message}`;
  for (const name of IDENTIFYING_FIELDS) {
    const value = (fields as Readonly<Record<string, unknown>>)[name];
    if (typeof value === "string" || typeof value === "number") kind += `${KIND_SEPARATOR}${name}=${value}`;
  }
  return kind;
}
