/**
 * Version Negotiation packets (RFC 9000 section 17.2.1, RFC 8999 section 6): the answer to a packet of a
 * version that is not served. The endpoint sends one, and only for a datagram of at least
 * `MIN_INITIAL_DATAGRAM_BYTES`, so that the answer is never larger than what it answers.
 *
 *   1 form, 1 fixed, random 6 | 0 32 | length 8, DCID | length 8, SCID | versions, 32 each
 */
import { assert } from "../../base/assert.ts";
import type { PacketHeader } from "./packet-header.ts";
import { reservedVersion, VERSION_NEGOTIATION } from "./quic-version.ts";

/** Versions that an endpoint may offer: with the longest connection IDs the packet stays below 1200 octets. */
export const MAX_OFFERED_VERSIONS = 16;

const VERSION_BYTES = 4;
/** First octet, version, two lengths. */
const FIXED_BYTES = 7;
const MAX_ANY_CONNECTION_ID_BYTES = 255;

/** Room that one takes at most, with the reserved version. */
export const MAX_VERSION_NEGOTIATION_BYTES: number =
  FIXED_BYTES + 2 * MAX_ANY_CONNECTION_ID_BYTES + VERSION_BYTES * (1 + MAX_OFFERED_VERSIONS);

/** Form, and the bit that is set lest a demultiplexer takes the packet for something else than QUIC. */
const FIRST_OCTET = 0xc0;
const UNUSED_BITS = 0x3f;

export class VersionNegotiation {
  readonly #versions: readonly number[];

  /** `versions`: the ones served, best first; 1 to `MAX_OFFERED_VERSIONS`. */
  constructor(versions: readonly number[]) {
    assert(versions.length > 0 && versions.length <= MAX_OFFERED_VERSIONS, "1 to 16 versions can be offered");
    this.#versions = versions;
  }

  /**
   * Writes the answer to `packet`, of a long header, to `target[offset]`, which has room for
   * `MAX_VERSION_NEGOTIATION_BYTES`; returns the offset behind it. `random` are 32 random bits: they
   * become the packet's unused bits, and a reserved version at a random place in the list.
   */
  write(target: Buffer, offset: number, packet: PacketHeader, random: number): number {
    target[offset] = FIRST_OCTET | (random & UNUSED_BITS);
    target.writeUInt32BE(VERSION_NEGOTIATION, offset + 1);
    let at = writeId(target, offset + FIXED_BYTES - 2, packet, packet.scidStart, packet.scidEnd);
    at = writeId(target, at, packet, packet.dcidStart, packet.dcidEnd);
    const reserved = reservedVersion(random, packet.version);
    // Of the low four bits, which the reserved version does not show.
    const place = (random & 0x0f) % (this.#versions.length + 1);
    for (let i = 0; i < this.#versions.length; i++) {
      if (i === place) at = target.writeUInt32BE(reserved, at);
      at = target.writeUInt32BE(this.#versions[i] as number, at);
    }
    return place === this.#versions.length ? target.writeUInt32BE(reserved, at) : at;
  }
}

/** The versions that a Version Negotiation packet offers; `null`: it breaks the rules. */
export function offeredVersions(packet: PacketHeader): readonly number[] | null {
  const { bytes, payloadStart, end } = packet;
  if (end === payloadStart || (end - payloadStart) % VERSION_BYTES !== 0) return null;
  const versions: number[] = [];
  for (let at = payloadStart; at < end; at += VERSION_BYTES) versions.push(bytes.readUInt32BE(at));
  return versions;
}

function writeId(target: Buffer, offset: number, packet: PacketHeader, start: number, end: number): number {
  target[offset] = end - start;
  return offset + 1 + packet.bytes.copy(target, offset + 1, start, end);
}
