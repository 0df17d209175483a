/** The header of a frame, RFC 9114 section 7.1: type and length of the payload. Read as it comes, cut anywhere. */
import { varintSize, writeVarint } from "../../quic/varint.ts";
import { VarintReader } from "./varint-reader.ts";

/** One octet of type, four of length: for frames of ours, whose types are below 64 and whose payloads below 2^30. */
export const MAX_FRAME_HEADER_BYTES = 5;

export class FrameHeaderReader {
  type = 0;
  /** Octets of the payload that are still to come. */
  left = 0;
  /** The header is complete; whoever takes the payload sets it back behind its last octet. */
  inPayload = false;
  #hasType = false;
  readonly #integer: VarintReader = new VarintReader();

  /** A frame has begun that is not complete. */
  get incomplete(): boolean {
    return this.inPayload || this.#hasType || this.#integer.incomplete;
  }

  /** Reads up to the end of the header; returns the offset behind it, or `end`. Ask `inPayload` then. */
  read(bytes: Uint8Array, start: number, end: number): number {
    let pos = start;
    const integer = this.#integer;
    while (pos < end && !this.inPayload) {
      pos = integer.read(bytes, pos, end);
      if (integer.incomplete) break;
      if (this.#hasType) {
        this.left = integer.value;
        this.inPayload = true;
      } else {
        this.type = integer.value;
      }
      this.#hasType = !this.#hasType;
    }
    return pos;
  }
}

/** Octets of the header of such a frame. */
export function frameHeaderSize(payloadBytes: number): number {
  return 1 + varintSize(payloadBytes);
}

/** Writes the header of a frame of a type below 64; returns the offset behind it. */
export function writeFrameHeader(
  target: Uint8Array,
  offset: number,
  type: number,
  payloadBytes: number,
): number {
  target[offset] = type;
  return writeVarint(target, offset + 1, payloadBytes);
}
