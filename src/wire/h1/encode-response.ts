/**
 * Writes a response head in the one canonical form, RFC 9112 section 4: status line with the standard
 * phrase, the fields, then framing and Connection made anew for this client. Called by the HTTP/1
 * downstream, for informational responses too.
 */
import { assert } from "../../base/assert.ts";
import { HttpVersion, type ResponseHead, UNKNOWN_LENGTH } from "../http/message.ts";
import { writeBytes } from "../http/write.ts";
import { MAX_FRAMING_LINE_BYTES, writeChunkedLine, writeCrlf, writeLengthLine } from "./framing-lines.ts";
import { MAX_STATUS_LINE_BYTES, statusLine } from "./status-phrases.ts";

const CLOSE_LINE: Uint8Array = Buffer.from("Connection: close\r\n", "latin1");
const KEEP_ALIVE_LINE: Uint8Array = Buffer.from("Connection: keep-alive\r\n", "latin1");

const CONSTANT_BYTES = MAX_STATUS_LINE_BYTES + MAX_FRAMING_LINE_BYTES + KEEP_ALIVE_LINE.length + 2;

export interface ResponseEncoding {
  /** Of the client's request: HTTP/1.0 must be told that the connection stays, HTTP/1.1 that it does not. */
  readonly version: HttpVersion;
  /** The connection serves another request afterwards. */
  readonly keepAlive: boolean;
  /** A body of unknown length is sent in chunks; otherwise it ends with the connection. */
  readonly chunked: boolean;
}

/** Upper bound of what `encodeResponseHead` writes. */
export function responseHeadLength(head: ResponseHead): number {
  return head.fields.wireLength() + CONSTANT_BYTES;
}

/** Writes the head, which needs room for `responseHeadLength` bytes, and returns the offset behind it. */
export function encodeResponseHead(
  target: Buffer,
  offset: number,
  head: ResponseHead,
  options: ResponseEncoding,
): number {
  let to = writeBytes(target, offset, statusLine(head.status));
  to = head.fields.writeTo(target, to);
  // Informational responses have neither content nor a say about the connection.
  if (head.status < 200) return writeCrlf(target, to);
  to = writeFraming(target, to, head, options);
  if (!options.keepAlive) to = writeBytes(target, to, CLOSE_LINE);
  else if (options.version === HttpVersion.http10) to = writeBytes(target, to, KEEP_ALIVE_LINE);
  return writeCrlf(target, to);
}

/** RFC 9112 section 6; 204 announces no length (RFC 9110 section 8.6). */
function writeFraming(target: Buffer, offset: number, head: ResponseHead, options: ResponseEncoding): number {
  if (!head.hasBody) {
    const declared = head.declaredLength && head.status !== 204 && head.bodyLength >= 0;
    return declared ? writeLengthLine(target, offset, head.bodyLength) : offset;
  }
  if (head.bodyLength !== UNKNOWN_LENGTH) return writeLengthLine(target, offset, head.bodyLength);
  if (options.chunked) {
    assert(options.version !== HttpVersion.http10, "HTTP/1.0 knows no chunks");
    return writeChunkedLine(target, offset);
  }
  assert(!options.keepAlive, "only the end of the connection can end this body");
  return offset;
}
