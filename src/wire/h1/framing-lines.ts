/** The field lines that frame a body (RFC 9112 section 6), as both encoders write them. */
import { CR, LF } from "../http/octets.ts";
import { writeBytes, writeDecimal } from "../http/write.ts";

const CHUNKED_LINE: Uint8Array = Buffer.from("Transfer-Encoding: chunked\r\n", "latin1");
const LENGTH_NAME: Uint8Array = Buffer.from("Content-Length: ", "latin1");

/** Upper bound of either line: a length has at most 16 digits. */
export const MAX_FRAMING_LINE_BYTES = 34;

export function writeChunkedLine(target: Uint8Array, offset: number): number {
  return writeBytes(target, offset, CHUNKED_LINE);
}

export function writeLengthLine(target: Uint8Array, offset: number, length: number): number {
  return writeCrlf(target, writeDecimal(target, writeBytes(target, offset, LENGTH_NAME), length));
}

export function writeCrlf(target: Uint8Array, offset: number): number {
  target[offset] = CR;
  target[offset + 1] = LF;
  return offset + 2;
}
