/** PING, RFC 9113 section 6.7. */
import { frameKind, writeFrameHeader } from "./frame-header.ts";
import { Flag, FRAME_HEADER_BYTES, FrameType } from "./frame-type.ts";
import { readUint32, writeUint32 } from "./integers.ts";

/** The payload has this length, no other. */
export const PING_BYTES = 8;
export const PING_FRAME_BYTES: number = FRAME_HEADER_BYTES + PING_BYTES;

const PING = frameKind(FrameType.ping, 0);
const PING_ACK = frameKind(FrameType.ping, Flag.ack);

/** Our own PINGs are numbered; the number is the second half of the payload, the first is 0. */
export function writePing(target: Uint8Array, offset: number, number: number): number {
  const to = writeUint32(target, writeFrameHeader(target, offset, PING_BYTES, PING, 0), 0);
  return writeUint32(target, to, number);
}

/** The number of one of our own PINGs, as it comes back; -1 when the payload is not ours. */
export function readPingNumber(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start) === 0 ? readUint32(bytes, start + 4) : -1;
}

/** Gives back the payload in `source` at `start`. */
export function writePingAck(target: Uint8Array, offset: number, source: Uint8Array, start: number): number {
  const to = writeFrameHeader(target, offset, PING_BYTES, PING_ACK, 0);
  for (let i = 0; i < PING_BYTES; i++) target[to + i] = source[start + i] as number;
  return to + PING_BYTES;
}
