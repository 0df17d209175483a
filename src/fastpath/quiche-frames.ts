/**
 * What quiche 0.18 does not tell of frames, read from its packets: it decrypts them where they are, so the frames
 * are there when it has taken them. `quiche-streams.ts` asks.
 *
 * - The code of a STOP_SENDING. quiche has no stream any more when the packet that stops one acknowledges the last of
 *   what was sent on it, too, as most packets with STOP_SENDING do. This is so for unidirectional streams, and
 *   those of which all that was to be read has been.
 * - The end of a stream that comes with octets that have been read before, as when they are sent once more. quiche calls
 *   the stream finished, and never readable again.
 */
import {
  codeOf,
  finalSizeOf,
  findFrame,
  frameEnd,
  isStop,
  NO_FRAME,
  streamOf,
} from "../wire/quic/stream-frames.ts";
import { clampCode } from "./quiche-errors.ts";

/** As many as a peer may stop before we have asked about each of the streams, which is soon. */
const MAX_CODES = 256;

/** Ends that come before we look, once a turn: those of what a peer usually lets us open. */
const MAX_ENDS = 1024;

const LONG_FORM = 0x80;
const PACKET_NUMBER_LENGTH = 0x03;
/** Of each AEAD of QUIC (RFC 9001 section 5.3). */
const TAG_BYTES = 16;

export class QuicheFrames {
  readonly #idBytes: number;
  /** By streams, the oldest first. */
  readonly #codes = new Map<number, number>();
  /** Streams and their sizes, in turns. */
  readonly #ends: number[] = [];

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
    let at = findFrame(bytes, frames, framesEnd);
    while (at !== NO_FRAME) {
      if (isStop(bytes, at)) this.#addCode(streamOf(bytes, at), codeOf(bytes, at));
      else this.#addEnd(streamOf(bytes, at), finalSizeOf(bytes, at, framesEnd));
      at = findFrame(bytes, frameEnd(bytes, at, framesEnd), framesEnd);
    }
  }

  /** `undefined`: the peer has not stopped the stream, or long ago. */
  code(id: number): number | undefined {
    return this.#codes.get(id);
  }

  /** The stream has been reset, so nobody asks about it any more. */
  answered(id: number): void {
    if (this.#codes.size > 0) this.#codes.delete(id);
  }

  /** Moves what has come since the last call: a stream and its size in octets, then the next one. */
  takeEnds(into: number[]): void {
    const ends = this.#ends;
    for (let i = 0; i < ends.length; i++) into.push(ends[i] as number);
    ends.length = 0;
  }

  /** The first code of a stream counts. */
  #addCode(id: number, code: number): void {
    const codes = this.#codes;
    if (codes.has(id)) return;
    if (codes.size === MAX_CODES) codes.delete(codes.keys().next().value as number);
    codes.set(id, clampCode(code));
  }

  #addEnd(id: number, size: number): void {
    if (this.#ends.length < 2 * MAX_ENDS) this.#ends.push(id, size);
  }
}
