/**
 * Loads the Http11Probe cases. Most are bytes; where the vectors only describe how to make them (long
 * fields, random bytes, a validator taken from an earlier answer), the generator stands here by id.
 */
import { readFileSync } from "node:fs";
import { fieldValue, type Http1Message } from "../../test/support/strict-http1.ts";

/** Makes the bytes of a step from the answers to the steps before. */
export type StepBytes = (answers: readonly Http1Message[]) => Buffer;

export interface ProbeCase {
  readonly id: string;
  readonly description: string;
  /** Upstream's verdict, in its own words; `gateway-expectations.ts` reads them. */
  readonly expected: string;
  readonly steps: readonly StepBytes[];
}

interface RawStep {
  readonly bytes_b64?: string | null;
  readonly gen?: string;
}

interface RawCase extends RawStep {
  readonly id: string;
  readonly desc: string;
  readonly expected: string;
  readonly kind: "single" | "sequence";
  readonly steps?: readonly RawStep[];
}

const HOST_LINE = "Host: localhost:8080\r\n";

export function loadCases(file: URL): ProbeCase[] {
  const parsed = JSON.parse(readFileSync(file, "utf8")) as { readonly cases: readonly RawCase[] };
  return parsed.cases.map((raw) => ({
    id: raw.id,
    description: raw.desc,
    expected: raw.expected,
    steps: (raw.steps ?? [raw]).map((step, index) => stepBytes(raw.id, index, step)),
  }));
}

function stepBytes(id: string, index: number, step: RawStep): StepBytes {
  if (typeof step.bytes_b64 === "string" && step.bytes_b64 !== "") {
    const bytes = Buffer.from(step.bytes_b64, "base64");
    return () => bytes;
  }
  const generate = GENERATED[id];
  if (generate !== undefined) return () => Buffer.from(generate(), "latin1");
  const conditional = CONDITIONAL[id];
  if (conditional !== undefined) return (answers) => get(conditional(answers[0]));
  throw new Error(`no generator for step ${index} of ${id}: ${step.gen ?? "no description"}`);
}

/** Single cases whose bytes are described and not given. */
const GENERATED: Readonly<Record<string, () => string>> = {
  "MAL-BINARY-GARBAGE": () => garbage(256),
  "MAL-LONG-URL": () => `GET /${"A".repeat(100_000)} HTTP/1.1\r\n${HOST_LINE}\r\n`,
  "MAL-LONG-HEADER-VALUE": () => `GET / HTTP/1.1\r\n${HOST_LINE}X-Big: ${"B".repeat(100_000)}\r\n\r\n`,
  "MAL-LONG-HEADER-NAME": () => `GET / HTTP/1.1\r\n${HOST_LINE}${"A".repeat(100_000)}: val\r\n\r\n`,
  "MAL-LONG-METHOD": () => `${"A".repeat(100_000)} / HTTP/1.1\r\n${HOST_LINE}\r\n`,
  "MAL-MANY-HEADERS": () => `GET / HTTP/1.1\r\n${HOST_LINE}${lines(10_000, (i) => `X-H-${i}: value`)}\r\n`,
  "MAL-EMPTY-REQUEST": () => "",
  "MAL-CHUNK-EXT-64K": () =>
    `POST / HTTP/1.1\r\n${HOST_LINE}Transfer-Encoding: chunked\r\n\r\n5;ext=${"a".repeat(65_536)}\r\nhello\r\n0\r\n\r\n`,
  "MAL-RANGE-OVERLAPPING": () =>
    `GET / HTTP/1.1\r\n${HOST_LINE}Range: bytes=${Array.from({ length: 1000 }, () => "0-").join(",")}\r\n\r\n`,
  "COOK-OVERSIZED": () => `GET /echo HTTP/1.1\r\n${HOST_LINE}Cookie: big=${"A".repeat(65_536)}\r\n\r\n`,
  "COOK-MANY-PAIRS": () =>
    `GET / HTTP/1.1\r\n${HOST_LINE}Cookie: ${Array.from({ length: 1000 }, (_, i) => `k${i}=v${i}`).join("; ")}\r\n\r\n`,
};

/** Second steps that repeat a validator of the first answer. */
const CONDITIONAL: Readonly<Record<string, (first: Http1Message | undefined) => string>> = {
  "CAP-ETAG-304": (first) => `If-None-Match: ${etag(first)}`,
  "CAP-ETAG-IN-304": (first) => `If-None-Match: ${etag(first)}`,
  "CAP-LAST-MODIFIED-304": (first) =>
    `If-Modified-Since: ${header(first, "last-modified") ?? "Thu, 01 Jan 2099 00:00:00 GMT"}`,
  "CAP-INM-PRECEDENCE": (first) =>
    `If-None-Match: ${etag(first)}\r\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT`,
  "CAP-INM-UNQUOTED": (first) => `If-None-Match: ${etag(first).replace(/^W\//, "").replaceAll('"', "")}`,
  "CAP-ETAG-WEAK": (first) => `If-None-Match: ${etag(first).startsWith("W/") ? "" : "W/"}${etag(first)}`,
};

function header(answer: Http1Message | undefined, name: string): string | undefined {
  return answer === undefined ? undefined : fieldValue(answer.fields, name);
}

function etag(answer: Http1Message | undefined): string {
  return header(answer, "etag") ?? '"no-etag"';
}

function get(fieldLines: string): Buffer {
  return Buffer.from(`GET / HTTP/1.1\r\n${HOST_LINE}${fieldLines}\r\n\r\n`, "latin1");
}

function lines(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, i) => `${line(i)}\r\n`).join("");
}

/** Bytes that look random, and are the same in every run. */
function garbage(count: number): string {
  let state = 0x2545f491;
  let text = "";
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += String.fromCharCode(state >>> 24);
  }
  return text;
}
