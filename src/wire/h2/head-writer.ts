/** Encodes heads and trailers into HEADERS frames, RFC 9113 section 8.3, and writes them into the sink. */
import type { FieldScratch } from "../field-codec/field-scratch.ts";
import { encodedBound, HpackEncoder } from "../hpack/encoder.ts";
import type { Fields } from "../http/fields.ts";
import type { RequestHead, ResponseHead } from "../http/message.ts";
import {
  addFields,
  addRequest,
  addResponse,
  OWN_FIELDS,
  OWN_RESPONSE_BYTES,
  ownRequestBytes,
} from "../multiplexed/head/field-writer.ts";
import { FRAME_HEADER_BYTES } from "./frame/frame-type.ts";
import { continuationOverhead, frameHeaderBlock } from "./frame/headers.ts";
import type { H2Sink } from "./h2-sink.ts";

export class HeadWriter {
  readonly #sink: H2Sink;
  readonly #encoder: HpackEncoder;

  constructor(sink: H2Sink, scratch: FieldScratch) {
    this.#sink = sink;
    this.#encoder = new HpackEncoder(scratch);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE, once it is acknowledged. */
  setPeerTableBytes(bytes: number): void {
    this.#encoder.setPeerTableLimit(bytes);
  }

  request(streamId: number, head: RequestHead, scheme: string, ended: boolean): void {
    const at = this.#begin(head.fields, ownRequestBytes(head));
    addRequest(this.#encoder, head, scheme);
    this.#end(at, streamId, ended);
  }

  /** `isTunnel`: a 2xx carries no length then (RFC 9110 section 9.3.6). */
  response(streamId: number, head: ResponseHead, isTunnel: boolean, ended: boolean): void {
    const at = this.#begin(head.fields, OWN_RESPONSE_BYTES);
    addResponse(this.#encoder, head, isTunnel);
    this.#end(at, streamId, ended);
  }

  /** A trailer section, which ends the stream. */
  trailers(streamId: number, fields: Fields): void {
    const at = this.#begin(fields, 0);
    addFields(this.#encoder, fields);
    this.#end(at, streamId, true);
  }

  /** Makes room for frames, and begins a block; returns where it begins. */
  #begin(fields: Fields, ownBytes: number): number {
    const sink = this.#sink;
    const bound = encodedBound(fields, OWN_FIELDS, ownBytes);
    const at = sink.reserve(FRAME_HEADER_BYTES + bound + continuationOverhead(bound)) + FRAME_HEADER_BYTES;
    this.#encoder.begin(sink.out, at);
    return at;
  }

  #end(blockStart: number, streamId: number, ended: boolean): void {
    const blockEnd = this.#encoder.end();
    const end = frameHeaderBlock(this.#sink.out, blockStart, blockEnd, streamId, ended);
    this.#sink.send(blockStart - FRAME_HEADER_BYTES, end);
  }
}
