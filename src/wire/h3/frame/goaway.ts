/** The GOAWAY frame, RFC 9114 section 7.2.6: a stream identifier of a server, a push identifier of a client. */
import { MAX_VARINT_BYTES, varintSize, writeVarint } from "../../quic/varint.ts";
import { frameHeaderSize, writeFrameHeader } from "./frame-header.ts";
import { FrameType } from "./frame-type.ts";

export const MAX_GOAWAY_FRAME_BYTES: number = frameHeaderSize(MAX_VARINT_BYTES) + MAX_VARINT_BYTES;

/** Writes the frame; returns the offset behind it. */
export function writeGoAway(target: Uint8Array, offset: number, id: number): number {
  return writeVarint(target, writeFrameHeader(target, offset, FrameType.goAway, varintSize(id)), id);
}
