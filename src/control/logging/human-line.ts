/**
 * One log line for people, made from the JSON line that pino wrote:
 * `2026-01-31T12:00:00.000Z INFO  gateway: listening address=0.0.0.0:8080`.
 */

const COLOURS: Readonly<Record<string, string>> = {
  trace: "\u001b[2m",
  debug: "\u001b[36m",
  info: "\u001b[32m",
  warn: "\u001b[33m",
  error: "\u001b[31m",
};
const RESET = "\u001b[0m";

/** `jsonLine` as pino wrote it, with its line feed. What is not an object comes back as it is. */
export function humanLine(jsonLine: string, colours: boolean): string {
  const record = parse(jsonLine);
  if (record === null) return jsonLine;
  const { timestamp, level, target, message, ...fields } = record;
  const name = String(level);
  const word = name.toUpperCase().padEnd(5);
  const shown = colours ? `${COLOURS[name] ?? ""}${word}${RESET}` : word;
  let line = `${String(timestamp)} ${shown} ${String(target)}: ${String(message)}`;
  for (const key of Object.keys(fields)) line += ` ${key}=${fieldText(fields[key])}`;
  return `${line}\n`;
}

/** Strings with spaces, quotes or control characters are quoted, so that a value cannot forge a line. */
function fieldText(value: unknown): string {
  if (typeof value === "string" && /^[\w!#-'*-<>-~]+$/.test(value)) return value;
  return JSON.stringify(value);
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
