/**
 * A strict HTTP/1.1 parser for tests, written apart from the product's codec so that the two can
 * disagree. It accepts one spelling of each thing: what a careful sender writes. Anything else is an
 * error with a reason, because what the gateway sends to a backend must leave nothing to interpret
 * (RFC 9112 sections 2 to 7).
 */

export type FieldList = readonly (readonly [name: string, value: string])[];

export interface Http1Message {
  /** `GET / HTTP/1.1` or `HTTP/1.1 200 OK`. */
  readonly startLine: string;
  readonly fields: FieldList;
  readonly body: Buffer;
  readonly trailers: FieldList;
  readonly framing: "none" | "length" | "chunked" | "close";
}

export type ParseResult =
  | { readonly kind: "message"; readonly message: Http1Message; readonly end: number }
  /** `head`: the head is there, the body is not whole yet. */
  | { readonly kind: "incomplete"; readonly head: Http1Message | undefined }
  | { readonly kind: "error"; readonly reason: string };

export interface ResponseContext {
  /** Method of the request that is answered; HEAD answers have no body. */
  readonly method: string;
  /** The peer has closed: a body that lasts until the close is whole. */
  readonly ended: boolean;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
const LENGTH = /^(?:0|[1-9][0-9]{0,15})$/;
const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP\/1\.[01]$/;
const STATUS_LINE = /^HTTP\/1\.[01] [1-5][0-9]{2} [\t\x20-\x7e\x80-\xff]*$/;
/** Larger than any head that the gateway may pass on. */
const MAX_HEAD_BYTES = 256 * 1024;

class Malformed extends Error {}

/** All values of a field, in order; the name in lower case. */
export function fieldValues(fields: FieldList, name: string): string[] {
  return fields.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value);
}

/** The first value of a field, or undefined. */
export function fieldValue(fields: FieldList, name: string): string | undefined {
  return fieldValues(fields, name)[0];
}

export function parseRequest(bytes: Buffer): ParseResult {
  return guarded(() => {
    const head = parseHead(bytes, REQUEST_LINE);
    if (head === undefined) return { kind: "incomplete", head: undefined };
    return parseBody(bytes, head, requestFraming(head.fields));
  });
}

export function parseResponse(bytes: Buffer, context: ResponseContext): ParseResult {
  return guarded(() => {
    const head = parseHead(bytes, STATUS_LINE);
    if (head === undefined) return { kind: "incomplete", head: undefined };
    const framing = responseFraming(head, context.method);
    if (framing.kind === "close" && context.ended) return closedBody(bytes, head);
    return parseBody(bytes, head, framing);
  });
}

/** Status code of a parsed response. */
export function statusOf(message: Http1Message): number {
  return Number(message.startLine.slice(9, 12));
}

interface Head {
  readonly startLine: string;
  readonly fields: FieldList;
  readonly end: number;
}

type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

function guarded(parse: () => ParseResult): ParseResult {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Malformed) return { kind: "error", reason: error.message };
    throw error;
  }
}

function parseHead(bytes: Buffer, startLine: RegExp): Head | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end > MAX_HEAD_BYTES || (end < 0 && bytes.length > MAX_HEAD_BYTES))
    throw new Malformed("head too long");
  if (end < 0) return undefined;
  const lines = bytes.toString("latin1", 0, end).split("\r\n");
  const first = lines.shift() ?? "";
  if (!startLine.test(first)) throw new Malformed(`start line ${JSON.stringify(first)}`);
  return { startLine: first, fields: lines.map(parseField), end: end + 4 };
}

function parseField(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  if (!TOKEN.test(name)) throw new Malformed(`field line ${JSON.stringify(line)}`);
  const value = line.slice(colon + 1).replace(/^ /, "");
  if (!VALUE.test(value)) throw new Malformed(`field value ${JSON.stringify(line)}`);
  return [name, value];
}

function requestFraming(fields: FieldList): Framing {
  return declaredFraming(fields) ?? { kind: "none" };
}

function responseFraming(head: Head, method: string): Framing {
  const status = Number(head.startLine.slice(9, 12));
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return { kind: "none" };
  return declaredFraming(head.fields) ?? { kind: "close" };
}

function declaredFraming(fields: FieldList): Framing | undefined {
  const codings = fieldValues(fields, "transfer-encoding");
  const lengths = fieldValues(fields, "content-length");
  if (codings.length + lengths.length > 1) throw new Malformed("more than one framing field");
  if (codings.length === 1) {
    if (codings[0] !== "chunked") throw new Malformed(`transfer coding ${JSON.stringify(codings[0])}`);
    return { kind: "chunked" };
  }
  const length = lengths[0];
  if (length === undefined) return undefined;
  if (!LENGTH.test(length)) throw new Malformed(`content length ${JSON.stringify(length)}`);
  return { kind: "length", length: Number(length) };
}

function parseBody(bytes: Buffer, head: Head, framing: Framing): ParseResult {
  const { startLine, fields } = head;
  const part = { startLine, fields, body: Buffer.alloc(0), trailers: [], framing: framing.kind };
  switch (framing.kind) {
    case "none":
      return { kind: "message", message: part, end: head.end };
    case "length": {
      const end = head.end + framing.length;
      if (bytes.length < end) return { kind: "incomplete", head: part };
      return { kind: "message", message: { ...part, body: Buffer.from(bytes.subarray(head.end, end)) }, end };
    }
    case "chunked": {
      const chunked = parseChunked(bytes, head.end);
      if (chunked === undefined) return { kind: "incomplete", head: part };
      return { kind: "message", message: { ...part, ...chunked }, end: chunked.end };
    }
    case "close":
      return { kind: "incomplete", head: part };
  }
}

function closedBody(bytes: Buffer, head: Head): ParseResult {
  const body = Buffer.from(bytes.subarray(head.end));
  const message: Http1Message = { ...head, body, trailers: [], framing: "close" };
  return { kind: "message", message, end: bytes.length };
}

function parseChunked(
  bytes: Buffer,
  from: number,
): { body: Buffer; trailers: FieldList; end: number } | undefined {
  const parts: Buffer[] = [];
  let at = from;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = bytes.toString("latin1", at, lineEnd);
    if (!/^(?:0|[1-9a-fA-F][0-9a-fA-F]{0,12})$/.test(size))
      throw new Malformed(`chunk size ${JSON.stringify(size)}`);
    const length = Number.parseInt(size, 16);
    const dataEnd = lineEnd + 2 + length;
    if (length === 0) return parseTrailers(bytes, dataEnd, parts);
    if (bytes.length < dataEnd + 2) return undefined;
    if (bytes.readUInt16BE(dataEnd) !== 0x0d0a) throw new Malformed("chunk data is not ended by CRLF");
    parts.push(bytes.subarray(lineEnd + 2, dataEnd));
    at = dataEnd + 2;
  }
}

function parseTrailers(
  bytes: Buffer,
  from: number,
  parts: readonly Buffer[],
): { body: Buffer; trailers: FieldList; end: number } | undefined {
  const trailers: (readonly [string, string])[] = [];
  let at = from;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    if (lineEnd === at) return { body: Buffer.concat(parts), trailers, end: at + 2 };
    trailers.push(parseField(bytes.toString("latin1", at, lineEnd)));
    at = lineEnd + 2;
  }
}
