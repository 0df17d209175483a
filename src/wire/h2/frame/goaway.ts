/** GOAWAY, RFC 9113 section 6.8. */
import "../../../base/latin1.ts";
import { frameKind, writeFrameHeader } from "./frame-header.ts";
import { FRAME_HEADER_BYTES, FrameType } from "./frame-type.ts";
import { readUint32, writeUint32 } from "./integers.ts";

/** Last stream and error code; debug data may follow. */
export const GOAWAY_BYTES = 8;

/** So much of the debug data is looked at, for the log, and written. */
export const MAX_DEBUG_BYTES = 256;

const GOAWAY = frameKind(FrameType.goAway, 0);

export function readGoAwayLastId(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start) & 0x7fff_ffff;
}

export function readGoAwayCode(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start + 4);
}

/** The debug data as text: printable ASCII, every other octet as `?`. */
export function readGoAwayText(bytes: Buffer, start: number, end: number): string {
  const from = start + GOAWAY_BYTES;
  return bytes.latin1Slice(from, Math.min(end, from + MAX_DEBUG_BYTES)).replaceAll(/[^ -~]/g, "?");
}

/** Room that `writeGoAway` needs. */
export function goAwayFrameLength(text: string): number {
  return FRAME_HEADER_BYTES + GOAWAY_BYTES + Math.min(text.length, MAX_DEBUG_BYTES);
}

/** `text`, ASCII, is the debug data. Returns the offset behind the frame. */
export function writeGoAway(
  target: Buffer,
  offset: number,
  lastId: number,
  code: number,
  text: string,
): number {
  const debugBytes = Math.min(text.length, MAX_DEBUG_BYTES);
  let to = writeFrameHeader(target, offset, GOAWAY_BYTES + debugBytes, GOAWAY, 0);
  to = writeUint32(target, writeUint32(target, to, lastId), code);
  return to + target.latin1Write(text, to, debugBytes);
}
