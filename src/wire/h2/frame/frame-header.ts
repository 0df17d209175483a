/** The header that every frame begins with, RFC 9113 section 4.1. */
import { FRAME_HEADER_BYTES } from "./frame-type.ts";
import { readUint32, writeUint32 } from "./integers.ts";

const STREAM_ID_BITS = 0x7fff_ffff;

/** Filled by `read` for each frame; one per connection. */
export class FrameHeader {
  /** Octets of the payload. */
  length = 0;
  type = 0;
  flags = 0;
  streamId = 0;

  /** Reads the nine octets at `start`. The reserved bit is ignored. */
  read(bytes: Uint8Array, start: number): void {
    this.length =
      ((bytes[start] as number) << 16) | ((bytes[start + 1] as number) << 8) | (bytes[start + 2] as number);
    this.type = bytes[start + 3] as number;
    this.flags = bytes[start + 4] as number;
    this.streamId = readUint32(bytes, start + 5) & STREAM_ID_BITS;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }
}

/** Writes a header; returns the offset behind it. `kind`: type and flags, from `frameKind`. */
export function writeFrameHeader(
  target: Uint8Array,
  offset: number,
  length: number,
  kind: number,
  streamId: number,
): number {
  target[offset] = length >>> 16;
  target[offset + 1] = length >>> 8;
  target[offset + 2] = length;
  target[offset + 3] = kind >>> 8;
  target[offset + 4] = kind;
  writeUint32(target, offset + 5, streamId);
  return offset + FRAME_HEADER_BYTES;
}

export function frameKind(type: number, flags: number): number {
  return (type << 8) | flags;
}
