/**
 * Base64 of a stream, in and out, for gRPC-Web's text form (`application/grpc-web-text`). What comes in
 * may be several padded texts behind each other, cut anywhere; what goes out is one padded text for each
 * call, so that nothing waits for its neighbours.
 */

/** Values of the alphabet of RFC 4648 section 4, and what else may stand there. */
const BAD = 64;
const PAD = 65;
const VALUES = new Uint8Array(256).fill(BAD);
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;
VALUES["=".charCodeAt(0)] = PAD;

/** Octets that so many octets of text can become. */
export function decodedBound(size: number): number {
  return Math.ceil((size + 3) / 4) * 3;
}

/** Octets of text that so many octets become. */
export function encodedLength(size: number): number {
  return Math.ceil(size / 3) * 4;
}

export class Base64Decoder {
  /** Bits that have not made an octet yet, and how many characters of a group of four have come. */
  #bits = 0;
  #characters = 0;
  #padding = 0;

  /** At the end of a group: the text may end here. */
  get complete(): boolean {
    return this.#characters === 0;
  }

  /**
   * Decodes into `target`, which has room for `decodedBound` octets from `offset` on. Returns where they
   * end, or -1 when the text is no base64.
   */
  decode(bytes: Uint8Array, start: number, end: number, target: Uint8Array, offset: number): number {
    let to = offset;
    for (let i = start; i < end; i++) {
      const value = VALUES[bytes[i] as number] as number;
      if (!this.#take(value)) return -1;
      if (this.#characters === 4) to = this.#group(target, to);
    }
    return to;
  }

  #take(value: number): boolean {
    if (value === BAD || (value !== PAD && this.#padding > 0)) return false;
    if (value === PAD) {
      if (this.#characters < 2) return false;
      this.#padding += 1;
    }
    this.#bits = (this.#bits << 6) | (value & 63);
    this.#characters += 1;
    return true;
  }

  #group(target: Uint8Array, offset: number): number {
    const bits = this.#padding === 0 ? this.#bits : this.#bits & ~63;
    const size = 3 - this.#padding;
    for (let i = 0; i < size; i++) target[offset + i] = (bits >> (16 - 8 * i)) & 0xff;
    this.#bits = 0;
    this.#characters = 0;
    this.#padding = 0;
    return offset + size;
  }
}

/** Encodes `bytes[start, end)` with padding into `target` at `offset`; returns where the text ends. */
export function encodeBase64(
  bytes: Buffer,
  start: number,
  end: number,
  target: Buffer,
  offset: number,
): number {
  return offset + target.write(bytes.toString("base64", start, end), offset, "latin1");
}
