/** Collects what a process writes, line by line, as text and (where a line is JSON) as an object. */
import type { Readable } from "node:stream";

export interface LogLine {
  readonly text: string;
  /** The parsed object; empty for a line that is not JSON. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Lines kept; a test that logs more looks at the newest. */
const MAX_LINES = 20_000;

export class LogTail {
  readonly lines: LogLine[] = [];

  constructor(streams: readonly (Readable | null)[]) {
    for (const stream of streams) if (stream !== null) this.#follow(stream);
  }

  /** The last lines, for error messages. */
  tail(count = 40): string {
    const text = this.lines.slice(-count).map((line) => line.text.slice(0, 1000));
    return `--- log of the gateway ---\n${text.join("\n")}\n---`;
  }

  #follow(stream: Readable): void {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.lines.push({ text: line, fields: parseFields(line) });
      if (this.lines.length > MAX_LINES) this.lines.splice(0, this.lines.length - MAX_LINES);
    });
  }
}

export function parseFields(line: string): Readonly<Record<string, unknown>> {
  if (!line.startsWith("{")) return {};
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
