/**
 * The codes of STOP_SENDING frames, which quiche 0.18 forgets with the stream: it has no stream any more when the
 * packet that stops one acknowledges the last of what was sent on it, too, as most packets with STOP_SENDING do. This
 * is so for unidirectional streams, and those of which all that was to be read has been. quiche decrypts packets
 * where they are, so the frames are read there when it has taken them. `quiche-streams.ts` asks.
 */
import { findStop, NO_STOP, stopEnd } from "../wire/quic/stop-sending.ts";
import { readVarint, varintLength } from "../wire/quic/varint.ts";
import { clampCode } from "./quiche-errors.ts";

/** As many as a peer may stop before we have asked about each of the streams, which is soon. */
const MAX_CODES = 256;

const LONG_FORM = 0x80;
const PACKET_NUMBER_LENGTH = 0x03;
/** Of each AEAD of QUIC (RFC 9001 section 5.3). */
const TAG_BYTES = 16;

export class QuicheStopCodes {
  readonly #idBytes: number;
  /** By streams, the oldest first. */
  readonly #codes = new Map<number, number>();

  /** `idBytes`: of each connection ID that the peer sends to. */
  constructor(idBytes: number) {
    this.#idBytes = idBytes;
  }

  /**
   * A datagram has been received when there were keys for 1-RTT packets. It is decrypted, or zeros where it could
   * not be. Those of the handshake, which other packets may come with, are not looked through.
   */
  received(bytes: Uint8Array, start: number, end: number): void {
    const first = bytes[start] as number;
    if ((first & LONG_FORM) !== 0) return;
    const framesEnd = end - TAG_BYTES;
    const frames = start + 1 + this.#idBytes + 1 + (first & PACKET_NUMBER_LENGTH);
    let at = findStop(bytes, frames, framesEnd);
    while (at !== NO_STOP) {
      this.#add(bytes, at);
      at = findStop(bytes, stopEnd(bytes, at), framesEnd);
    }
  }

  /** `undefined`: the peer has not stopped the stream, or long ago. */
  get(id: number): number | undefined {
    return this.#codes.get(id);
  }

  /** The stream has been reset, so nobody asks about it any more. */
  answered(id: number): void {
    if (this.#codes.size > 0) this.#codes.delete(id);
  }

  /** The first code of a stream counts. */
  #add(bytes: Uint8Array, at: number): void {
    const codes = this.#codes;
    const id = readVarint(bytes, at);
    if (codes.has(id)) return;
    const code = readVarint(bytes, at + varintLength(bytes[at] as number));
    if (codes.size === MAX_CODES) codes.delete(codes.keys().next().value as number);
    codes.set(id, clampCode(code));
  }
}
