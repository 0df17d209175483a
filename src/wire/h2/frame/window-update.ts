/** WINDOW_UPDATE, RFC 9113 section 6.9. */
import { frameKind, writeFrameHeader } from "./frame-header.ts";
import { FRAME_HEADER_BYTES, FrameType } from "./frame-type.ts";
import { readUint32, writeUint32 } from "./integers.ts";

/** The payload has this length, no other. */
export const WINDOW_UPDATE_BYTES = 4;
export const WINDOW_UPDATE_FRAME_BYTES: number = FRAME_HEADER_BYTES + WINDOW_UPDATE_BYTES;

/** A window above is an error, RFC 9113 section 6.9.1. */
export const MAX_WINDOW = 0x7fff_ffff;

/** Windows of a connection, and of its streams until SETTINGS say otherwise, RFC 9113 section 6.9.2. */
export const INITIAL_WINDOW = 65_535;

const WINDOW_UPDATE = frameKind(FrameType.windowUpdate, 0);

/** The increment, 0 (an error) to 2^31 - 1; the reserved bit is ignored. */
export function readWindowUpdate(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start) & MAX_WINDOW;
}

/** Returns the offset behind the frame. Stream 0: the connection. */
export function writeWindowUpdate(
  target: Uint8Array,
  offset: number,
  streamId: number,
  increment: number,
): number {
  const to = writeFrameHeader(target, offset, WINDOW_UPDATE_BYTES, WINDOW_UPDATE, streamId);
  return writeUint32(target, to, increment);
}
