/**
 * Whether a client has shown that it receives at its address, and what may be sent to it before (RFC 9000
 * section 8.1). Engines count too, but not every packet: quiche sends CONNECTION_CLOSE beyond the
 * limit. `QuicConnection` asks before it sends.
 */

/** Octets that may be sent for each that was received. */
export const MAX_AMPLIFICATION = 3;

const LONG_FORM = 0x80;
/** Of a long header (RFC 8999 section 5.1): where the length of the connection ID stands. */
const DCID_LENGTH_OFFSET = 5;

export class AddressProof {
  /** What the client's packets go to until it has heard from us; `null`: it is proven. */
  #unprovenDcid: Buffer | null;
  #received = 0;
  #sent = 0;

  constructor(unprovenDcid: Buffer | null) {
    this.#unprovenDcid = unprovenDcid;
  }

  /** Octets that may be sent now. */
  get allowance(): number {
    return this.#unprovenDcid === null ? Infinity : MAX_AMPLIFICATION * this.#received - this.#sent;
  }

  /** A datagram has come from the address. Whoever knows an ID of ours, of 88 random bits, has heard it there. */
  received(bytes: Buffer, start: number, end: number): void {
    const dcid = this.#unprovenDcid;
    if (dcid === null) return;
    this.#received += end - start;
    if (!isTo(dcid, bytes, start, end)) this.#unprovenDcid = null;
  }

  sent(octets: number): void {
    this.#sent += octets;
  }
}

/** Whether the first packet of a datagram has this connection ID. It has it, or another of the connection's. */
function isTo(dcid: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const long = ((bytes[start] as number) & LONG_FORM) !== 0;
  const at = long ? start + DCID_LENGTH_OFFSET + 1 : start + 1;
  if (long && bytes[at - 1] !== dcid.length) return false;
  return at + dcid.length <= end && bytes.compare(dcid, 0, dcid.length, at, at + dcid.length) === 0;
}
