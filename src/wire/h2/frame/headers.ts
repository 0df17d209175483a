/** HEADERS and CONTINUATION, RFC 9113 sections 6.2 and 6.10. */
import { frameKind, type FrameHeader, writeFrameHeader } from "./frame-header.ts";
import { Flag, FRAME_HEADER_BYTES, FrameType, MAX_FRAME_BYTES } from "./frame-type.ts";
import { readDependency } from "./priority.ts";

const PRIORITY_BYTES = 5;

/** The parts of a HEADERS payload. */
export class HeadersPayload {
  /** The fragment of the header block. */
  blockStart = 0;
  blockEnd = 0;
  /** The stream that the frame says it depends on (RFC 9113 section 5.3.2: of no meaning); -1: none. */
  dependency = -1;

  /** Reads a whole payload; false when padding or priority do not fit into it. */
  read(header: FrameHeader, bytes: Uint8Array, start: number, end: number): boolean {
    let blockStart = start;
    let blockEnd = end;
    this.dependency = -1;
    if (header.has(Flag.padded)) {
      if (start === end) return false;
      blockEnd -= bytes[start] as number;
      blockStart += 1;
    }
    if (header.has(Flag.priority)) {
      if (end - blockStart < PRIORITY_BYTES) return false;
      this.dependency = readDependency(bytes, blockStart);
      blockStart += PRIORITY_BYTES;
    }
    this.blockStart = blockStart;
    this.blockEnd = blockEnd;
    return blockStart <= blockEnd;
  }
}

/** Octets of the frame headers that a block of so many octets needs beyond the first. */
export function continuationOverhead(blockBytes: number): number {
  return Math.max(0, Math.ceil(blockBytes / MAX_FRAME_BYTES) - 1) * FRAME_HEADER_BYTES;
}

/**
 * Frames a header block that lies in `target[blockStart, blockEnd)`, with room for a frame header in
 * front of it and for `continuationOverhead` behind it: one HEADERS frame, and CONTINUATIONs when it is
 * large. Returns the offset behind the last.
 */
export function frameHeaderBlock(
  target: Buffer,
  blockStart: number,
  blockEnd: number,
  streamId: number,
  endStream: boolean,
): number {
  const end = endStream ? Flag.endStream : 0;
  const length = blockEnd - blockStart;
  const first = Math.min(length, MAX_FRAME_BYTES);
  const flags = length === first ? end | Flag.endHeaders : end;
  const kind = frameKind(FrameType.headers, flags);
  writeFrameHeader(target, blockStart - FRAME_HEADER_BYTES, first, kind, streamId);
  return length === first ? blockEnd : writeContinuations(target, blockStart + first, blockEnd, streamId);
}

/** The last fragment is moved first, so that each finds room for its header. */
function writeContinuations(target: Buffer, start: number, end: number, streamId: number): number {
  const frames = Math.ceil((end - start) / MAX_FRAME_BYTES);
  for (let i = frames - 1; i >= 0; i--) {
    const from = start + i * MAX_FRAME_BYTES;
    const to = Math.min(end, from + MAX_FRAME_BYTES);
    const header = from + i * FRAME_HEADER_BYTES;
    target.copyWithin(header + FRAME_HEADER_BYTES, from, to);
    const kind = frameKind(FrameType.continuation, i === frames - 1 ? Flag.endHeaders : 0);
    writeFrameHeader(target, header, to - from, kind, streamId);
  }
  return end + frames * FRAME_HEADER_BYTES;
}
