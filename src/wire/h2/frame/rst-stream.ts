/** RST_STREAM, RFC 9113 section 6.4. */
import { frameKind, writeFrameHeader } from "./frame-header.ts";
import { FRAME_HEADER_BYTES, FrameType } from "./frame-type.ts";
import { readUint32, writeUint32 } from "./integers.ts";

/** The payload has this length, no other. */
export const RST_STREAM_BYTES = 4;
export const RST_STREAM_FRAME_BYTES: number = FRAME_HEADER_BYTES + RST_STREAM_BYTES;

const RST_STREAM = frameKind(FrameType.rstStream, 0);

/** The error code, any of 32 bits. */
export function readRstStream(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start);
}

/** Returns the offset behind the frame. */
export function writeRstStream(target: Uint8Array, offset: number, streamId: number, code: number): number {
  return writeUint32(target, writeFrameHeader(target, offset, RST_STREAM_BYTES, RST_STREAM, streamId), code);
}
