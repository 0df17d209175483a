/**
 * The framing of a chunked body, RFC 9112 section 7.1. A chunk is `encodeChunkHead`, its data,
 * `CHUNK_END`; the body ends with `encodeLastChunk`. Called by the HTTP/1 adapters of both sides.
 */
import { assert } from "../../base/assert.ts";
import type { Fields } from "../http/fields.ts";
import { writeHex } from "../http/write.ts";
import { writeCrlf } from "./framing-lines.ts";

const ZERO = 0x30;

/** What follows the data of a chunk. */
export const CHUNK_END: Buffer = Buffer.from("\r\n", "latin1");

/** Upper bound of what goes around the data: 14 hexadecimal digits and two CRLFs. */
export const CHUNK_FRAMING_BYTES = 18;

/** `0 CRLF` and the empty line behind the trailers. */
const LAST_CHUNK_BYTES = 5;

/** Writes the size line; returns the offset behind it. A size of 0 would end the body: it is our own mistake. */
export function encodeChunkHead(target: Uint8Array, offset: number, size: number): number {
  assert(size > 0, "an empty chunk would end the body");
  return writeCrlf(target, writeHex(target, offset, size));
}

/** Upper bound of what `encodeLastChunk` writes. */
export function lastChunkLength(trailers: Fields | null): number {
  return LAST_CHUNK_BYTES + (trailers === null ? 0 : trailers.wireLength());
}

/** Writes the last chunk, the trailer section and the end; returns the offset behind it. */
export function encodeLastChunk(target: Buffer, offset: number, trailers: Fields | null): number {
  target[offset] = ZERO;
  let to = writeCrlf(target, offset + 1);
  if (trailers !== null) to = trailers.writeTo(target, to);
  return writeCrlf(target, to);
}
