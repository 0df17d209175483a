/**
 * Loads the llhttp vectors and reads their logs: the events of a parser, as offsets into the bytes.
 * Some vectors lost line ends when they were extracted; the offsets of the log tell how many.
 */
import { readFileSync } from "node:fs";

export interface LlhttpCase {
  readonly id: string;
  readonly type: string;
  readonly verdict: "ok" | "error";
  /** Of an error verdict, else empty. */
  readonly reason: string;
  /** `finish=` of the log: 0 nothing to end, 1 ends the message, 2 unsafe; -1: the input was not ended. */
  readonly finish: number;
  readonly skipsBody: boolean;
  readonly bytes: Buffer;
  /** The log counts other bytes than the vector has (characters that were recoded). */
  readonly drifted: boolean;
  readonly messages: readonly LoggedMessage[];
}

export interface LoggedMessage {
  method: string;
  url: string;
  status: number;
  fields: [string, string][];
  trailers: [string, string][];
  body: string;
  headComplete: boolean;
  complete: boolean;
}

interface RawCase {
  readonly id: string;
  readonly type: string;
  readonly verdict: "ok" | "error";
  readonly error: { readonly reason: string } | null;
  readonly meta: { readonly skipBody?: boolean };
  readonly bytes_b64: string;
  readonly log: readonly string[];
}

export function loadLlhttpCases(file: URL): LlhttpCase[] {
  const parsed = JSON.parse(readFileSync(file, "utf8")) as { readonly cases: readonly RawCase[] };
  return parsed.cases.map((raw, index) => {
    const given = Buffer.from(raw.bytes_b64, "base64");
    const bytes = padded(given, raw.log);
    return {
      // Some names occur twice; the position tells them apart.
      id: `${raw.id} #${index}`,
      type: raw.type,
      verdict: raw.verdict,
      reason: raw.error?.reason ?? "",
      finish: Number(/finish=([0-9])/.exec(raw.log.at(-1) ?? "")?.[1] ?? -1),
      skipsBody: raw.meta.skipBody === true,
      bytes,
      drifted: given.some((octet) => octet >= 0x80),
      messages: readLog(raw.log, bytes),
    };
  });
}

/** Line ends up to the last offset of the log. */
function padded(bytes: Buffer, log: readonly string[]): Buffer {
  const last = Math.max(0, ...log.map((line) => Number(/^off=([0-9]+)/.exec(line)?.[1] ?? 0)));
  const missing = Math.max(0, last - bytes.length);
  return Buffer.concat([bytes, Buffer.from("\r\n".repeat(missing).slice(0, missing), "latin1")]);
}

function readLog(log: readonly string[], bytes: Buffer): LoggedMessage[] {
  const messages: LoggedMessage[] = [];
  let name = "";
  for (const line of log) {
    let message = messages.at(-1);
    if (message === undefined || line.includes("message begin")) messages.push((message = empty()));
    const span = /^off=([0-9]+) len=([0-9]+) span\[([a-z_.]+)\]/.exec(line);
    if (span !== null) {
      const start = Number(span[1]);
      const text = bytes.subarray(start, start + Number(span[2])).latin1Slice();
      if (span[3] === "header_field") name += text;
      else addSpan(message, span[3] ?? "", text);
    } else if (line.includes("header_field complete")) {
      fieldsOf(message).push([name, ""]);
      name = "";
    } else if (line.includes("headers complete")) {
      message.headComplete = true;
      message.status = Number(/status=([0-9]+)/.exec(line)?.[1] ?? 0);
    } else if (line.includes("message complete")) {
      message.complete = true;
    }
  }
  return messages.filter((message) => message.headComplete);
}

function empty(): LoggedMessage {
  const text = { method: "", url: "", body: "" };
  return { ...text, status: 0, fields: [], trailers: [], headComplete: false, complete: false };
}

function fieldsOf(message: LoggedMessage): [string, string][] {
  return message.headComplete ? message.trailers : message.fields;
}

function addSpan(message: LoggedMessage, kind: string, text: string): void {
  const field = fieldsOf(message).at(-1);
  if (kind === "method") message.method += text;
  else if (kind === "url") message.url += text;
  else if (kind === "body") message.body += text;
  else if (kind === "header_value" && field !== undefined) field[1] = (field[1] + text).trim();
}
