/**
 * Finds the STOP_SENDING frames in the frames of a 1-RTT packet (RFC 9000 section 19). All other frames, and those
 * of RFC 9221, are stepped over, whatever they say: whether they are right is up to who takes them. Asked of each
 * packet that comes, so it allocates nothing. `fastpath/quiche-stop-codes.ts` has the packets.
 */
import { readVarintBefore, varintLength } from "./varint.ts";

/** There is no such frame. */
export const NO_STOP = -1;

const PADDING = 0x00;
const PING = 0x01;
const ACK = 0x02;
const ACK_ECN = 0x03;
const RESET_STREAM = 0x04;
const STOP_SENDING = 0x05;
const CRYPTO = 0x06;
const NEW_TOKEN = 0x07;
const STREAM = 0x08;
const STREAM_LENGTH = 0x02;
const STREAM_OFFSET = 0x04;
const MAX_DATA = 0x10;
const MAX_STREAM_DATA = 0x11;
const MAX_STREAMS_BIDIRECTIONAL = 0x12;
const MAX_STREAMS_UNIDIRECTIONAL = 0x13;
const DATA_BLOCKED = 0x14;
const STREAM_DATA_BLOCKED = 0x15;
const STREAMS_BLOCKED_BIDIRECTIONAL = 0x16;
const STREAMS_BLOCKED_UNIDIRECTIONAL = 0x17;
const NEW_CONNECTION_ID = 0x18;
const RETIRE_CONNECTION_ID = 0x19;
const PATH_CHALLENGE = 0x1a;
const PATH_RESPONSE = 0x1b;
const HANDSHAKE_DONE = 0x1e;
const DATAGRAM_LENGTH = 0x31;

const PATH_DATA_BYTES = 8;
const RESET_TOKEN_BYTES = 16;

/**
 * Looks through the frames in `[at, end)`, of which the first begins at `at`. Returns where the fields of a
 * STOP_SENDING frame begin: the stream's ID and the code, each of them an integer that ends before `end`.
 * `NO_STOP`: there is none, or none that can be found behind a frame that is malformed or of no known type.
 */
export function findStop(packet: Uint8Array, at: number, end: number): number {
  let next = at;
  while (next < end) {
    // Types have no longer forms than needed (RFC 9000 section 12.4).
    const type = packet[next++] as number;
    if (type === PADDING || type === PING) continue;
    if (type === STOP_SENDING) return skipVarints(packet, next, end, 2) <= end ? next : NO_STOP;
    next = behind(type, packet, next, end);
  }
  return NO_STOP;
}

/** The offset behind a STOP_SENDING frame whose fields begin at `at`. */
export function stopEnd(packet: Uint8Array, at: number): number {
  const codeAt = at + varintLength(packet[at] as number);
  return codeAt + varintLength(packet[codeAt] as number);
}

/** The offset behind a frame whose fields begin at `at`; `end` or more: there is no other behind it. */
function behind(type: number, packet: Uint8Array, at: number, end: number): number {
  switch (type) {
    case HANDSHAKE_DONE:
      return at;
    case ACK:
    case ACK_ECN:
      return behindAck(type, packet, at, end);
    case MAX_DATA:
    case MAX_STREAMS_BIDIRECTIONAL:
    case MAX_STREAMS_UNIDIRECTIONAL:
    case DATA_BLOCKED:
    case STREAMS_BLOCKED_BIDIRECTIONAL:
    case STREAMS_BLOCKED_UNIDIRECTIONAL:
    case RETIRE_CONNECTION_ID:
      return skipVarints(packet, at, end, 1);
    case MAX_STREAM_DATA:
    case STREAM_DATA_BLOCKED:
      return skipVarints(packet, at, end, 2);
    case RESET_STREAM:
      return skipVarints(packet, at, end, 3);
    case NEW_TOKEN:
    case DATAGRAM_LENGTH:
      return behindData(packet, at, end);
    case CRYPTO:
      return behindData(packet, skipVarints(packet, at, end, 1), end);
    case NEW_CONNECTION_ID:
      return behindId(packet, skipVarints(packet, at, end, 2), end);
    case PATH_CHALLENGE:
    case PATH_RESPONSE:
      return at + PATH_DATA_BYTES;
    default:
      return behindStream(type, packet, at, end);
  }
}

/** STREAM, or a frame that nothing can be found behind: a DATAGRAM to the end, a close, an unknown one. */
function behindStream(type: number, packet: Uint8Array, at: number, end: number): number {
  if ((type & ~0x07) !== STREAM || (type & STREAM_LENGTH) === 0) return end;
  return behindData(packet, skipVarints(packet, at, end, (type & STREAM_OFFSET) === 0 ? 1 : 2), end);
}

/** Largest, delay, count, first range, ranges of two; three counts with ECN. */
function behindAck(type: number, packet: Uint8Array, at: number, end: number): number {
  const countAt = skipVarints(packet, at, end, 2);
  const count = readVarintBefore(packet, countAt, end);
  if (count < 0) return end;
  return skipVarints(packet, countAt, end, 2 + 2 * count + (type === ACK_ECN ? 3 : 0));
}

/** Sequence number and limit are behind us: the length in one octet, the ID, its token. */
function behindId(packet: Uint8Array, at: number, end: number): number {
  return at < end ? at + 1 + (packet[at] as number) + RESET_TOKEN_BYTES : end;
}

/** A length, and as many octets. */
function behindData(packet: Uint8Array, at: number, end: number): number {
  const length = readVarintBefore(packet, at, end);
  return length < 0 ? end : at + varintLength(packet[at] as number) + length;
}

/** The offset behind so many integers; more than `end` when they do not end before it. */
function skipVarints(packet: Uint8Array, start: number, end: number, count: number): number {
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at >= end) return end + 1;
    at += varintLength(packet[at] as number);
  }
  return at;
}
