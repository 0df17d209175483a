/**
 * An Initial packet of a server that says CONNECTION_CLOSE and nothing else (RFC 9000 sections 10.2.3 and
 * 19.19): how the endpoint turns a client away of whom it remembers nothing. The frame asks for no
 * acknowledgement, so the datagram needs no padding (section 14.1).
 */
import { createCipheriv } from "node:crypto";
import { headerMask, nonceOf, serverInitialKeys } from "./initial-crypto.ts";
import { MAX_CONNECTION_ID_BYTES, type PacketHeader } from "./packet-header.ts";
import { QUIC_V2 } from "./quic-version.ts";
import { writeVarint } from "./varint.ts";

/** Long form, fixed bit, type Initial, a packet number of one octet. */
const FIRST_OCTET_V1 = 0xc0;
const FIRST_OCTET_V2 = 0xd0;

/** CONNECTION_CLOSE of the transport. */
const CONNECTION_CLOSE = 0x1c;
const TAG_BYTES = 16;
/** The sample is taken as if the packet number had four octets (RFC 9001 section 5.4.2). */
const SAMPLE_OFFSET = 4;
const SAMPLE_BYTES = 16;
const NUMBER_BYTES = 1;
const PACKET_NUMBER = 0;

/** Fixed fields, an empty token, the length, the packet number, the largest frame, the tag. */
export const MAX_INITIAL_CLOSE_BYTES: number = 7 + 2 * MAX_CONNECTION_ID_BYTES + 1 + 2 + 1 + 11 + TAG_BYTES;

/**
 * Writes the answer to a client's Initial packet, of version 1 or 2, to `target[offset]`, which has room for
 * `MAX_INITIAL_CLOSE_BYTES`. `scid`: our connection ID, which the client will not use. Returns the
 * offset behind it.
 */
export function writeInitialClose(
  target: Buffer,
  offset: number,
  initial: PacketHeader,
  scid: Uint8Array,
  code: number,
): number {
  const { bytes, version } = initial;
  const keys = serverInitialKeys(version, bytes.subarray(initial.dcidStart, initial.dcidEnd));
  const frame = closeFrame(code);
  target[offset] = version === QUIC_V2 ? FIRST_OCTET_V2 : FIRST_OCTET_V1;
  let at = target.writeUInt32BE(version, offset + 1);
  target[at++] = initial.scidEnd - initial.scidStart;
  at += bytes.copy(target, at, initial.scidStart, initial.scidEnd);
  target[at++] = scid.length;
  target.set(scid, at);
  at += scid.length;
  target[at++] = 0;
  at = writeVarint(target, at, NUMBER_BYTES + frame.length + TAG_BYTES);
  const numberAt = at;
  target[at++] = PACKET_NUMBER;
  const cipher = createCipheriv("aes-128-gcm", keys.key, nonceOf(keys.iv, PACKET_NUMBER));
  cipher.setAAD(target.subarray(offset, at));
  target.set(cipher.update(frame), at);
  cipher.final();
  target.set(cipher.getAuthTag(), at + frame.length);
  const sampleAt = numberAt + SAMPLE_OFFSET;
  const mask = headerMask(keys, target.subarray(sampleAt, sampleAt + SAMPLE_BYTES));
  target.writeUInt8(target.readUInt8(offset) ^ ((mask[0] as number) & 0x0f), offset);
  target.writeUInt8(target.readUInt8(numberAt) ^ (mask[1] as number), numberAt);
  return at + frame.length + TAG_BYTES;
}

/** Type, code, the type of the frame that was wrong (none), an empty reason. */
function closeFrame(code: number): Buffer {
  const frame = Buffer.alloc(11);
  frame[0] = CONNECTION_CLOSE;
  const end = writeVarint(frame, 1, code);
  return frame.subarray(0, end + 2);
}
