/** The exact bytes of the chaos test's requests and responses, framed by their plans. */
import type { Random } from "../../fuzz/random.ts";
import type { ExchangePlan, Framing } from "./exchange-plan.ts";
import type { Pattern } from "./pattern.ts";

/** A message as it goes out, with what of it is body. */
export interface Wire {
  readonly bytes: Buffer;
  readonly headBytes: number;
}

/** Names the exchange in a response of the backend; the gateway's own answers do not have it. */
export const ID_FIELD = "x-chaos-id";

/** In front of the exchange's number. */
export const PATH = "/chaos/";

/** Keeps a body of a megabyte from becoming thousands of chunks. */
const MAX_CHUNKS = 40;

export function requestWire(plan: ExchangePlan, pattern: Pattern): Wire {
  const head = `${plan.method} ${PATH}${plan.id} HTTP/1.1\r\nHost: chaos.test\r\n${framingLine(plan.requestFraming, plan.requestBytes)}\r\n`;
  const body = pattern.body(plan.id, "request", plan.requestBytes);
  return wire(head, frame(body, plan.requestFraming, plan.clientRandom));
}

export function responseWire(plan: ExchangePlan, pattern: Pattern): Wire {
  const { responseFraming: framing, responseBytes, backendFate } = plan;
  const announced = backendFate === "close" || framing === "close" ? "Connection: close\r\n" : "";
  const head = `HTTP/1.1 200 OK\r\nX-Chaos-Id: ${plan.id}\r\n${framingLine(framing, responseBytes)}${announced}\r\n`;
  return wire(head, frame(pattern.body(plan.id, "response", responseBytes), framing, plan.backendRandom));
}

/** The number in a request line; -1 when it is none of ours. */
export function idOfRequestLine(line: string): number {
  const match = /^(?:GET|POST) \/chaos\/(\d{1,9}) HTTP\/1\.1$/.exec(line);
  return match === null ? -1 : Number(match[1]);
}

function wire(head: string, parts: readonly Buffer[]): Wire {
  const bytes = Buffer.from(head, "latin1");
  return { bytes: Buffer.concat([bytes, ...parts]), headBytes: bytes.length };
}

function framingLine(framing: Framing, length: number): string {
  switch (framing) {
    case "length":
      return `Content-Length: ${length}\r\n`;
    case "chunked":
      return "Transfer-Encoding: chunked\r\n";
    case "none":
    case "close":
      return "";
  }
}

function frame(body: Buffer, framing: Framing, random: Random): Buffer[] {
  if (framing !== "chunked") return [body];
  const parts: Buffer[] = [];
  const least = Math.ceil(body.length / MAX_CHUNKS);
  for (let at = 0; at < body.length;) {
    const size = Math.min(body.length - at, least + random.below(4096) + 1);
    parts.push(Buffer.from(`${size.toString(16)}\r\n`), body.subarray(at, at + size), CRLF);
    at += size;
  }
  return [...parts, LAST_CHUNK];
}

const CRLF = Buffer.from("\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");
