/** A frame of a reserved type, which peers ignore (RFC 9114 section 7.2.8). */
import { frameHeaderSize, writeFrameHeader } from "./frame-header.ts";
import { RESERVED_FRAME_TYPE } from "./frame-type.ts";

/** With it a packet is longer than 42 octets, even with a connection ID of the shortest and before its tag. */
const PAYLOAD_BYTES = 48;

/** The frame, whole; its payload means nothing. */
export const RESERVED_FRAME: Buffer = reservedFrame();

function reservedFrame(): Buffer {
  const frame = Buffer.alloc(frameHeaderSize(PAYLOAD_BYTES) + PAYLOAD_BYTES);
  writeFrameHeader(frame, 0, RESERVED_FRAME_TYPE, PAYLOAD_BYTES);
  return frame;
}
