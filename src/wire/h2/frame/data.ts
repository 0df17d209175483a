/** DATA, RFC 9113 section 6.1. Its payload is never gathered: `FrameReader` hands it on as it comes. */
import { frameKind, writeFrameHeader } from "./frame-header.ts";
import { Flag, FrameType } from "./frame-type.ts";

const DATA = frameKind(FrameType.data, 0);
const LAST_DATA = frameKind(FrameType.data, Flag.endStream);

/** Writes the header of an unpadded frame; the payload goes behind it. Returns the offset of the payload. */
export function writeDataHeader(
  target: Uint8Array,
  offset: number,
  length: number,
  streamId: number,
  endStream: boolean,
): number {
  return writeFrameHeader(target, offset, length, endStream ? LAST_DATA : DATA, streamId);
}
