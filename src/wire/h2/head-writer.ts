/** Encodes heads and trailers into HEADERS frames, RFC 9113 section 8.3, and writes them into the sink. */
import { encodedBound, HpackEncoder } from "../hpack/encoder.ts";
import { PseudoId } from "../hpack/name-id.ts";
import type { HpackScratch } from "../hpack/scratch.ts";
import { FIELD_NAMES, FieldId } from "../http/field-id.ts";
import type { Fields } from "../http/fields.ts";
import { type RequestHead, type ResponseHead, UNKNOWN_LENGTH } from "../http/message.ts";
import { FRAME_HEADER_BYTES } from "./frame/frame-type.ts";
import { continuationOverhead, frameHeaderBlock } from "./frame/headers.ts";
import type { H2Sink } from "./h2-sink.ts";

/** Fields of ours besides those of a head: five pseudo-header fields, Content-Length, TE. */
const OWN_FIELDS = 7;

/** What those of a fixed length take at most: CONNECT, https, a length, trailers. */
const OWN_BYTES = 64;

/**
 * Fields that are never written: those that belong to a connection of HTTP/1 (RFC 9113 section 8.2.2),
 * and those that are made anew. Indexed by field id.
 */
const LEFT_OUT: Uint8Array = new Uint8Array(FIELD_NAMES.length);
for (const id of [
  FieldId.connection,
  FieldId.keepAlive,
  FieldId.proxyConnection,
  FieldId.transferEncoding,
  FieldId.upgrade,
  FieldId.http2Settings,
  FieldId.host,
  FieldId.contentLength,
  FieldId.te,
]) {
  LEFT_OUT[id] = 1;
}

export class HeadWriter {
  readonly #sink: H2Sink;
  readonly #encoder: HpackEncoder;

  constructor(sink: H2Sink, scratch: HpackScratch) {
    this.#sink = sink;
    this.#encoder = new HpackEncoder(scratch);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE, once it is acknowledged. */
  setPeerTableBytes(bytes: number): void {
    this.#encoder.setPeerTableLimit(bytes);
  }

  request(streamId: number, head: RequestHead, scheme: string, ended: boolean): void {
    const { fields } = head;
    const extended = head.upgrade !== "";
    const at = this.#begin(fields, head.method.length + head.authority.length + head.upgrade.length);
    const encoder = this.#encoder;
    encoder.addText(PseudoId.method, extended ? "CONNECT" : head.method);
    encoder.addText(PseudoId.scheme, scheme);
    if (head.authority !== "") encoder.addText(PseudoId.authority, head.authority);
    encoder.addSpan(PseudoId.path, fields, head.targetStart, head.targetEnd);
    if (extended) encoder.addText(PseudoId.protocol, head.upgrade);
    this.#addFields(fields);
    if (head.acceptsTrailers) encoder.addText(FieldId.te, "trailers");
    const announced = head.bodyLength > 0 || (head.bodyLength === 0 && expectsContent(head.method));
    if (announced && !extended) encoder.addNumber(FieldId.contentLength, head.bodyLength);
    this.#end(at, streamId, ended);
  }

  /** `isTunnel`: a 2xx carries no length then (RFC 9110 section 9.3.6). */
  response(streamId: number, head: ResponseHead, isTunnel: boolean, ended: boolean): void {
    const { fields, status } = head;
    const at = this.#begin(fields, 0);
    const encoder = this.#encoder;
    encoder.addStatus(status);
    this.#addFields(fields);
    const lengthless = status < 200 || status === 204 || (isTunnel && status < 300);
    if (!lengthless && namesLength(head)) encoder.addNumber(FieldId.contentLength, head.bodyLength);
    this.#end(at, streamId, ended);
  }

  /** A trailer section, which ends the stream. */
  trailers(streamId: number, fields: Fields): void {
    const at = this.#begin(fields, 0);
    this.#addFields(fields);
    this.#end(at, streamId, true);
  }

  /** Makes room for frames, and begins a block; returns where it begins. */
  #begin(fields: Fields, ownBytes: number): number {
    const sink = this.#sink;
    const bound = encodedBound(fields, OWN_FIELDS, OWN_BYTES + ownBytes);
    const at = sink.reserve(FRAME_HEADER_BYTES + bound + continuationOverhead(bound)) + FRAME_HEADER_BYTES;
    this.#encoder.begin(sink.out, at);
    return at;
  }

  #addFields(fields: Fields): void {
    for (let i = 0; i < fields.count; i++)
      if (!fields.removed(i) && LEFT_OUT[fields.id(i)] !== 1) this.#encoder.addField(fields, i);
  }

  #end(blockStart: number, streamId: number, ended: boolean): void {
    const blockEnd = this.#encoder.end();
    const end = frameHeaderBlock(this.#sink.out, blockStart, blockEnd, streamId, ended);
    this.#sink.send(blockStart - FRAME_HEADER_BYTES, end);
  }
}

/** Methods for which an empty body is said, RFC 9110 section 8.6. */
function expectsContent(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}

function namesLength(head: ResponseHead): boolean {
  return head.bodyLength !== UNKNOWN_LENGTH && (head.hasBody || head.declaredLength);
}
