/**
 * A datagram on its way from the worker that the kernel gave it to, to the one that owns its connection:
 *
 *   secret 128 | remote address 128 | remote port 16 | remote scope 32 |
 *     local address 128 | local port 16 | ECN 8 | datagram
 *
 * `HandOver` writes and reads it. The secret is shared by the workers of one gateway: other programs of the
 * machine can send to the port as well.
 */
import { timingSafeEqual } from "node:crypto";
import {
  UDP_ECN,
  UDP_END,
  UDP_LOCAL,
  UDP_REMOTE,
  UDP_REMOTE_PORT,
  UDP_SCOPE,
  UDP_START,
} from "../../fastpath/udp.ts";
import type { Arrival } from "./udp-paths.ts";

export const HAND_OVER_SECRET_BYTES = 16;

const REMOTE_OFFSET: number = HAND_OVER_SECRET_BYTES;
const REMOTE_PORT_OFFSET: number = REMOTE_OFFSET + 16;
const SCOPE_OFFSET: number = REMOTE_PORT_OFFSET + 2;
const LOCAL_OFFSET: number = SCOPE_OFFSET + 4;
const LOCAL_PORT_OFFSET: number = LOCAL_OFFSET + 16;
const ECN_OFFSET: number = LOCAL_PORT_OFFSET + 2;
export const HAND_OVER_HEADER_BYTES: number = ECN_OFFSET + 1;

/** What an IPv4 packet on the loopback interface holds: larger datagrams are not handed over. */
export const MAX_HANDED_OVER_BYTES: number = 65_507 - HAND_OVER_HEADER_BYTES;

/** Writes the header for a datagram to `target[offset]`; the datagram follows at what it returns. */
export function writeHandOver(target: Buffer, offset: number, secret: Uint8Array, arrival: Arrival): number {
  const { records, at, socketLocal } = arrival;
  target.set(secret, offset);
  writeWords(target, offset + REMOTE_OFFSET, records, at + UDP_REMOTE);
  target.writeUInt16BE(records[at + UDP_REMOTE_PORT] as number, offset + REMOTE_PORT_OFFSET);
  target.writeUInt32BE(records[at + UDP_SCOPE] as number, offset + SCOPE_OFFSET);
  writeWords(target, offset + LOCAL_OFFSET, records, at + UDP_LOCAL);
  target.writeUInt16BE(socketLocal.port, offset + LOCAL_PORT_OFFSET);
  target[offset + ECN_OFFSET] = records[at + UDP_ECN] as number;
  return offset + HAND_OVER_HEADER_BYTES;
}

/**
 * Reads the frame `bytes[start, end)` into a record of one datagram. Returns the port that it was sent to;
 * -1: it is none of ours.
 */
export function readHandOver(
  bytes: Buffer,
  start: number,
  end: number,
  secret: Uint8Array,
  record: Uint32Array,
): number {
  if (end - start <= HAND_OVER_HEADER_BYTES) return -1;
  if (!timingSafeEqual(bytes.subarray(start, start + HAND_OVER_SECRET_BYTES), secret)) return -1;
  record[UDP_START] = start + HAND_OVER_HEADER_BYTES;
  record[UDP_END] = end;
  readWords(bytes, start + REMOTE_OFFSET, record, UDP_REMOTE);
  record[UDP_REMOTE_PORT] = bytes.readUInt16BE(start + REMOTE_PORT_OFFSET);
  record[UDP_SCOPE] = bytes.readUInt32BE(start + SCOPE_OFFSET);
  readWords(bytes, start + LOCAL_OFFSET, record, UDP_LOCAL);
  record[UDP_ECN] = bytes[start + ECN_OFFSET] as number;
  return bytes.readUInt16BE(start + LOCAL_PORT_OFFSET);
}

function writeWords(target: Buffer, offset: number, words: Uint32Array, at: number): void {
  for (let i = 0; i < 4; i++) target.writeUInt32BE(words[at + i] as number, offset + 4 * i);
}

function readWords(bytes: Buffer, offset: number, words: Uint32Array, at: number): void {
  for (let i = 0; i < 4; i++) words[at + i] = bytes.readUInt32BE(offset + 4 * i);
}
