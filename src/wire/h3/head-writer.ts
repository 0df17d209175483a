/** Encodes heads and trailers into HEADERS frames, RFC 9114 section 4.3, in the memory of `HeldWrite`. */
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
import type { ConnectionCore } from "./connection-core.ts";
import { frameHeaderSize, MAX_FRAME_HEADER_BYTES, writeFrameHeader } from "./frame/frame-header.ts";
import { FrameType } from "./frame/frame-type.ts";
import type { H3Stream } from "./h3-stream.ts";
import type { HeldWrite, Holder } from "./held-write.ts";
import { encodedSectionBound } from "./qpack/encoder.ts";

export class HeadWriter {
  readonly #core: ConnectionCore;
  readonly #held: HeldWrite;

  constructor(core: ConnectionCore, held: HeldWrite) {
    this.#core = core;
    this.#held = held;
  }

  request(holder: Holder, stream: H3Stream, head: RequestHead, scheme: string): void {
    this.#begin(holder, stream, head.fields, ownRequestBytes(head));
    addRequest(this.#core.encoder, head, scheme);
    this.#end();
  }

  response(holder: Holder, stream: H3Stream, head: ResponseHead): void {
    this.#begin(holder, stream, head.fields, OWN_RESPONSE_BYTES);
    addResponse(this.#core.encoder, head, stream.isTunnel);
    this.#end();
  }

  trailers(holder: Holder, stream: H3Stream, fields: Fields): void {
    this.#begin(holder, stream, fields, 0);
    addFields(this.#core.encoder, fields);
    this.#end();
  }

  /** Makes room for a frame, and begins a section behind the longest header that it may have. */
  #begin(holder: Holder, stream: H3Stream, fields: Fields, ownBytes: number): void {
    const bound = MAX_FRAME_HEADER_BYTES + encodedSectionBound(fields, OWN_FIELDS, ownBytes);
    const at = this.#held.reserve(holder, stream, bound);
    this.#core.encoder.begin(stream.id, this.#held.bytes, at + MAX_FRAME_HEADER_BYTES);
  }

  /** The header goes right in front of the section. */
  #end(): void {
    const { encoder } = this.#core;
    const end = encoder.end();
    const length = end - encoder.start;
    const start = encoder.start - frameHeaderSize(length);
    writeFrameHeader(this.#held.bytes, start, FrameType.headers, length);
    this.#held.add(start, end);
    this.#core.flushInstructions();
  }
}
