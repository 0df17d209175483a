/**
 * Takes the CRYPTO frames out of an Initial packet of a client (RFC 9000 sections 17.2.2 and 19). Other
 * frames that such a packet may have are stepped over; any other is a mistake of the client.
 */
import type { CryptoBuffer } from "./crypto-buffer.ts";
import { readVarintBefore, varintLength } from "./varint.ts";

/** Why no ClientHello will come of these frames. */
export type InitialFramesFault = "bad frame" | "closed" | "too large" | "conflict";

const PADDING = 0x00;
const PING = 0x01;
const ACK = 0x02;
const ACK_ECN = 0x03;
const CRYPTO = 0x06;
const CONNECTION_CLOSE = 0x1c;

/** Frames end too early, or hold a number that is too large. */
const BAD = -1;

/** Reads all frames of `payload` into `crypto`; what is wrong, or `null`. */
export function readInitialFrames(payload: Buffer, crypto: CryptoBuffer): InitialFramesFault | null {
  // A packet without frames is a PROTOCOL_VIOLATION (RFC 9000 section 12.4).
  if (payload.length === 0) return "bad frame";
  let at = 0;
  while (at < payload.length) {
    // Types that are allowed fit into one octet, and types have no longer forms (RFC 9000 section 12.4).
    const type = payload[at++] as number;
    if (type === PADDING || type === PING) continue;
    if (type === CONNECTION_CLOSE) return "closed";
    if (type === CRYPTO) {
      const dataEnd = cryptoEnd(payload, at);
      if (dataEnd === BAD) return "bad frame";
      const added = addCrypto(payload, at, dataEnd, crypto);
      if (added !== null) return added;
      at = dataEnd;
    } else {
      at = type === ACK || type === ACK_ECN ? ackEnd(payload, at, type) : BAD;
      if (at === BAD) return "bad frame";
    }
  }
  return null;
}

/** The offset behind a CRYPTO frame: offset, length, data. */
function cryptoEnd(payload: Buffer, start: number): number {
  const lengthAt = skipVarints(payload, start, 1);
  const dataAt = skipVarints(payload, lengthAt, 1);
  if (dataAt === BAD) return BAD;
  const end = dataAt + readVarintBefore(payload, lengthAt, payload.length);
  return end <= payload.length ? end : BAD;
}

function addCrypto(
  payload: Buffer,
  start: number,
  end: number,
  crypto: CryptoBuffer,
): InitialFramesFault | null {
  const offset = readVarintBefore(payload, start, payload.length);
  const added = crypto.add(offset, payload, skipVarints(payload, start, 2), end);
  return added === "added" ? null : added;
}

/** The offset behind an ACK frame: largest, delay, count, first range, ranges of two; three counts with ECN. */
function ackEnd(payload: Buffer, start: number, type: number): number {
  const countAt = skipVarints(payload, start, 2);
  const rangesAt = skipVarints(payload, countAt, 2);
  if (rangesAt === BAD) return BAD;
  const count = readVarintBefore(payload, countAt, payload.length);
  return skipVarints(payload, rangesAt, 2 * count + (type === ACK_ECN ? 3 : 0));
}

/** The offset behind so many integers. Their number is bounded by the octets, each of them taking one or more. */
function skipVarints(payload: Buffer, start: number, count: number): number {
  if (start === BAD) return BAD;
  let at = start;
  for (let i = 0; i < count; i++) {
    if (readVarintBefore(payload, at, payload.length) < 0) return BAD;
    at += varintLength(payload[at] as number);
  }
  return at;
}
