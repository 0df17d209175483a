/**
 * Where things stand in a packet, as far as it can be read without keys: RFC 8999 for any version,
 * RFC 9000 section 17 for version 1, RFC 9369 section 3.2 for version 2. The endpoint routes by it; the
 * writers of Retry and Version Negotiation packets answer to it. One object is reused for all packets and
 * allocates nothing.
 *
 *   long:  1 form | version 32 | length 8, DCID | length 8, SCID | by type: token, length, packet number ...
 *   short: 0 form | DCID | packet number ...
 */
import { isKnownVersion, QUIC_V2, VERSION_NEGOTIATION } from "./quic-version.ts";
import { readVarintBefore, varintLength } from "./varint.ts";

/** `unknown`: a long header of a version that is neither 1 nor 2. */
export const PacketType = {
  initial: 0,
  zeroRtt: 1,
  handshake: 2,
  retry: 3,
  versionNegotiation: 4,
  short: 5,
  unknown: 6,
} as const;
export type PacketType = (typeof PacketType)[keyof typeof PacketType];

/** Of versions 1 and 2 (RFC 9000 section 17.2); other versions may have up to 255 octets. */
export const MAX_CONNECTION_ID_BYTES = 20;

/** A datagram with a client's Initial packet has at least so many (RFC 9000 section 14.1); smaller ones are dropped. */
export const MIN_INITIAL_DATAGRAM_BYTES = 1200;

/** A client's first Destination Connection ID has at least so many octets (RFC 9000 section 7.2). */
export const MIN_FIRST_DCID_BYTES = 8;

/** Of a Retry packet (RFC 9001 section 5.8). */
export const RETRY_TAG_BYTES = 16;

const LONG_FORM = 0x80;
const FIXED_BIT = 0x40;
/** Form and version; the length of the DCID follows. */
const DCID_LENGTH_OFFSET = 5;

export class PacketHeader {
  /** What was parsed last. The offsets below are in it. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  type: PacketType = PacketType.unknown;
  /** 0 of a Version Negotiation packet and of a short header. */
  version = 0;
  dcidStart = 0;
  dcidEnd = 0;
  /** Empty, at `dcidEnd`, of a short header. */
  scidStart = 0;
  scidEnd = 0;
  /** Empty unless the packet is an Initial with a token, or a Retry. */
  tokenStart = 0;
  tokenEnd = 0;
  /**
   * Behind what this class reads: the protected packet number; the versions of a Version Negotiation packet;
   * the integrity tag of a Retry.
   */
  payloadStart = 0;
  /** End of the packet; in a datagram, others may follow (RFC 9000 section 12.2). Always above `start`. */
  end = 0;

  /**
   * Reads the packet at `start`, which ends at `end` at the latest. A short header does not tell the length
   * of its connection ID: it is `shortDcidLength`. False: it is cut short or breaks a rule of its version,
   * so it and what follows it is to be dropped; all fields are then undefined.
   */
  parse(bytes: Buffer, start: number, end: number, shortDcidLength: number): boolean {
    if (start >= end) return false;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    const first = bytes[start] as number;
    return (first & LONG_FORM) === 0
      ? this.#parseShort(first, shortDcidLength)
      : this.#parseConnectionIds() && this.#parseVersion(first);
  }

  #parseShort(first: number, dcidLength: number): boolean {
    this.type = PacketType.short;
    this.version = 0;
    this.dcidStart = this.start + 1;
    const dcidEnd = this.dcidStart + dcidLength;
    this.dcidEnd = dcidEnd;
    this.scidStart = dcidEnd;
    this.scidEnd = dcidEnd;
    this.#noToken(dcidEnd);
    return (first & FIXED_BIT) !== 0 && dcidEnd <= this.end;
  }

  /** What every version has (RFC 8999 section 5.1). */
  #parseConnectionIds(): boolean {
    const { bytes, end } = this;
    const lengthAt = this.start + DCID_LENGTH_OFFSET;
    if (lengthAt >= end) return false;
    this.version = bytes.readUInt32BE(this.start + 1);
    this.dcidStart = lengthAt + 1;
    this.dcidEnd = this.dcidStart + (bytes[lengthAt] as number);
    if (this.dcidEnd >= end) return false;
    this.scidStart = this.dcidEnd + 1;
    this.scidEnd = this.scidStart + (bytes[this.dcidEnd] as number);
    this.#noToken(this.scidEnd);
    return this.scidEnd <= end;
  }

  #parseVersion(first: number): boolean {
    if (!isKnownVersion(this.version)) {
      this.type = this.version === VERSION_NEGOTIATION ? PacketType.versionNegotiation : PacketType.unknown;
      return true;
    }
    if ((first & FIXED_BIT) === 0) return false;
    if (this.dcidEnd - this.dcidStart > MAX_CONNECTION_ID_BYTES) return false;
    if (this.scidEnd - this.scidStart > MAX_CONNECTION_ID_BYTES) return false;
    const bits = (first >> 4) & 3;
    // Version 2 has the types of version 1, each numbered one higher (RFC 9369 section 3.2).
    const type = (this.version === QUIC_V2 ? (bits + 3) & 3 : bits) as PacketType;
    this.type = type;
    if (type === PacketType.retry) return this.#parseRetry();
    return (type !== PacketType.initial || this.#parseToken()) && this.#parseLength();
  }

  /** RFC 9000 section 17.2.5: the token has no length of its own. */
  #parseRetry(): boolean {
    this.tokenEnd = this.end - RETRY_TAG_BYTES;
    this.payloadStart = this.tokenEnd;
    return this.tokenEnd >= this.tokenStart;
  }

  /** RFC 9000 section 17.2.2. */
  #parseToken(): boolean {
    const length = readVarintBefore(this.bytes, this.scidEnd, this.end);
    if (length < 0) return false;
    this.tokenStart = this.scidEnd + varintLength(this.bytes[this.scidEnd] as number);
    this.tokenEnd = this.tokenStart + length;
    return this.tokenEnd <= this.end;
  }

  /** The length of the packet number and the payload together. */
  #parseLength(): boolean {
    const length = readVarintBefore(this.bytes, this.tokenEnd, this.end);
    if (length < 0) return false;
    this.payloadStart = this.tokenEnd + varintLength(this.bytes[this.tokenEnd] as number);
    const packetEnd = this.payloadStart + length;
    if (packetEnd > this.end) return false;
    this.end = packetEnd;
    return true;
  }

  #noToken(at: number): void {
    this.tokenStart = at;
    this.tokenEnd = at;
    this.payloadStart = at;
  }
}
