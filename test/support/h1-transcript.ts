/**
 * Runs the HTTP/1 decoders over bytes and writes down, in plain values, what they said, so that two
 * runs can be compared. Each piece is given inside a larger buffer full of line ends and is overwritten
 * as soon as the call returns: a decoder that looks outside, or keeps bytes that are not its own, gives
 * itself away. Used by the codec's tests, conformance runners and fuzzer.
 */
import assert from "node:assert/strict";
import { encodeRequestHead, requestHeadLength } from "../../src/wire/h1/encode-request.ts";
import { encodeResponseHead, responseHeadLength } from "../../src/wire/h1/encode-response.ts";
import { H1Event } from "../../src/wire/h1/h1-event.ts";
import { DEFAULT_H1_LIMITS, type H1Limits, type H1RequestPolicy } from "../../src/wire/h1/h1-limits.ts";
import { RequestDecoder } from "../../src/wire/h1/request-decoder.ts";
import { ResponseDecoder } from "../../src/wire/h1/response-decoder.ts";
import { HttpVersion, RequestHead, ResponseHead, UNKNOWN_LENGTH } from "../../src/wire/http/message.ts";

export const POLICY: H1RequestPolicy = { headerUnderscorePolicy: "reject", strictTe: false };

export interface RequestRecord {
  method: string;
  authority: string;
  path: string;
  version: number;
  bodyLength: number;
  keepAlive: boolean;
  expectContinue: boolean;
  upgrade: string;
  acceptsTrailers: boolean;
  fields: [string, string][];
  /** What `encodeRequestHead` makes of the head. */
  canonicalHead: string;
  body: string;
  trailers: [string, string][];
  ended: boolean;
}

export interface ResponseRecord {
  status: number;
  version: number;
  bodyLength: number;
  hasBody: boolean;
  declaredLength: boolean;
  keepAlive: boolean;
  upgrade: string;
  fields: [string, string][];
  /** Method of the request that is answered. */
  requestMethod: string;
  /** What `encodeResponseHead` makes of the head for a client of HTTP/1.1. */
  canonicalHead: string;
  body: string;
  trailers: [string, string][];
  ended: boolean;
}

export interface Transcript<Message> {
  messages: Message[];
  /** Code of the fault; empty when there was none. */
  fault: string;
  detail: string;
  /** Bytes left when the last message said that the connection ends, or switches. */
  rest: number;
}

export interface TranscribeOptions {
  limits?: H1Limits;
  policy?: H1RequestPolicy;
  /** Sizes of the pieces, used in turn; without it, all at once. */
  pieces?: readonly number[];
  /** The peer ends the connection afterwards. */
  finish?: boolean;
  /** Go on behind a message that ends the connection. */
  ignoreClose?: boolean;
}

/** Methods of the requests that the responses answer, in turn; GET when they run out. */
export interface TranscribeResponseOptions extends TranscribeOptions {
  methods?: readonly string[];
}

const MARGIN = Buffer.from("\r\n\r\n0\r\n\r\nGET /outside HTTP/1.1\r\n\r\n", "latin1");

/** Copies each piece into surroundings of its own; `use` gets it and returns how far it got. */
class Pieces {
  readonly #bytes: Buffer;
  readonly #sizes: readonly number[];
  #turn = 0;
  position = 0;

  constructor(bytes: Buffer, sizes: readonly number[] | undefined) {
    this.#bytes = bytes;
    this.#sizes = sizes === undefined || sizes.length === 0 ? [Math.max(1, bytes.length)] : sizes;
  }

  get done(): boolean {
    return this.position >= this.#bytes.length;
  }

  /** The next piece, consumed by `use` until that returns false; returns whether all of it was taken. */
  feed(use: (bytes: Buffer, start: number, end: number) => number): void {
    const size = Math.max(1, this.#sizes[this.#turn++ % this.#sizes.length] ?? 1);
    const piece = this.#bytes.subarray(this.position, this.position + size);
    const arena = Buffer.concat([MARGIN, piece, MARGIN]);
    const taken = use(arena, MARGIN.length, MARGIN.length + piece.length);
    assert.ok(taken >= MARGIN.length && taken <= MARGIN.length + piece.length, "consumed outside its bytes");
    arena.fill(0x58);
    this.position += taken - MARGIN.length;
  }
}

export function transcribeRequests(
  bytes: Buffer,
  options: TranscribeOptions = {},
): Transcript<RequestRecord> {
  const decoder = new RequestDecoder(options.limits ?? DEFAULT_H1_LIMITS, options.policy ?? POLICY);
  const head = new RequestHead();
  const transcript: Transcript<RequestRecord> = { messages: [], fault: "", detail: "", rest: 0 };
  const pieces = new Pieces(bytes, options.pieces);
  let open = true;
  decoder.begin(head);
  const current = (): RequestRecord => transcript.messages.at(-1) as RequestRecord;
  const step = (buffer: Buffer, start: number, end: number): number => {
    let pos = start;
    let steps = 0;
    for (;;) {
      assert.ok(steps++ < 4 * (end - start) + 16, "the decoder makes no progress");
      pos = decoder.next(buffer, pos, end);
      switch (decoder.event) {
        case H1Event.needMore:
          return pos;
        case H1Event.head:
          transcript.messages.push(requestRecord(head));
          break;
        case H1Event.body:
          current().body += buffer.latin1Slice(decoder.bodyStart, decoder.bodyEnd);
          break;
        case H1Event.end: {
          const message = current();
          message.ended = true;
          message.trailers = decoder.trailers.toArray();
          if (!options.ignoreClose && (!message.keepAlive || message.upgrade !== "")) {
            open = false;
            return pos;
          }
          decoder.begin(head);
          break;
        }
        case H1Event.error:
          open = false;
          transcript.fault = decoder.fault.code;
          transcript.detail = decoder.fault.detail;
          return pos;
      }
    }
  };
  while (open && !pieces.done) pieces.feed(step);
  transcript.rest = bytes.length - pieces.position;
  if (open && options.finish === true && decoder.finish() === H1Event.error) {
    transcript.fault = decoder.fault.code;
    transcript.detail = decoder.fault.detail;
  }
  return transcript;
}

export function transcribeResponses(
  bytes: Buffer,
  options: TranscribeResponseOptions = {},
): Transcript<ResponseRecord> {
  const decoder = new ResponseDecoder(options.limits ?? DEFAULT_H1_LIMITS);
  const head = new ResponseHead();
  const transcript: Transcript<ResponseRecord> = { messages: [], fault: "", detail: "", rest: 0 };
  const pieces = new Pieces(bytes, options.pieces);
  const methods = [...(options.methods ?? [])];
  let open = true;
  let method = "GET";
  const begin = (): void => {
    method = methods.shift() ?? "GET";
    decoder.begin(head, method);
  };
  const current = (): ResponseRecord => transcript.messages.at(-1) as ResponseRecord;
  const ended = (): void => {
    const message = current();
    message.ended = true;
    message.trailers = decoder.trailers.toArray();
    if (message.keepAlive || options.ignoreClose) begin();
    else open = false;
  };
  const step = (buffer: Buffer, start: number, end: number): number => {
    let pos = start;
    let steps = 0;
    while (open) {
      assert.ok(steps++ < 4 * (end - start) + 16, "the decoder makes no progress");
      pos = decoder.next(buffer, pos, end);
      switch (decoder.event) {
        case H1Event.needMore:
          return pos;
        case H1Event.head:
          transcript.messages.push(responseRecord(head, method));
          current().ended = head.status < 200;
          if (head.status === 101) open = false;
          break;
        case H1Event.body:
          current().body += buffer.latin1Slice(decoder.bodyStart, decoder.bodyEnd);
          break;
        case H1Event.end:
          ended();
          break;
        case H1Event.error:
          open = false;
          transcript.fault = decoder.fault.code;
          transcript.detail = decoder.fault.detail;
          break;
      }
    }
    return pos;
  };
  begin();
  while (open && !pieces.done) pieces.feed(step);
  transcript.rest = bytes.length - pieces.position;
  // A response that is awaited and of which nothing came is only an error if it was the first.
  if (open && options.finish === true && (!decoder.idle || transcript.messages.length === 0)) {
    if (decoder.finish() === H1Event.end) current().ended = true;
    else {
      transcript.fault = decoder.fault.code;
      transcript.detail = decoder.fault.detail;
    }
  }
  return transcript;
}

/** A head of any codec as plain values; what follows it has not come. */
export function requestRecord(head: RequestHead): RequestRecord {
  const { method, authority, path, version, bodyLength, keepAlive } = head;
  const { expectContinue, upgrade, acceptsTrailers } = head;
  const fields = head.fields.toArray();
  const more = { expectContinue, upgrade, acceptsTrailers, fields, canonicalHead: canonicalHead(head) };
  const rest = { body: "", trailers: [], ended: false };
  return { method, authority, path, version, bodyLength, keepAlive, ...more, ...rest };
}

/** The proxy gives a request that named no host one of its own; here it is any. Upgrades that it does not allow do not pass. */
function canonicalHead(head: RequestHead): string {
  const { authority, upgrade } = head;
  if (authority === "") head.authority = "host.invalid";
  head.upgrade = "";
  const out = Buffer.alloc(requestHeadLength(head));
  const end = encodeRequestHead(out, 0, head);
  head.authority = authority;
  head.upgrade = upgrade;
  return out.latin1Slice(0, end);
}

/** As `requestRecord`. */
export function responseRecord(head: ResponseHead, requestMethod: string): ResponseRecord {
  const { status, version, bodyLength, hasBody, declaredLength, keepAlive, upgrade } = head;
  const fields = head.fields.toArray();
  const out = Buffer.alloc(responseHeadLength(head));
  const chunked = bodyLength === UNKNOWN_LENGTH && keepAlive;
  const end = encodeResponseHead(out, 0, head, { version: HttpVersion.http11, keepAlive, chunked });
  const more = { fields, requestMethod, canonicalHead: out.latin1Slice(0, end) };
  const rest = { body: "", trailers: [], ended: false };
  return { status, version, bodyLength, hasBody, declaredLength, keepAlive, upgrade, ...more, ...rest };
}
