/**
 * A keyed 64-bit hash of an IP address: HalfSipHash-1-3 (SipHash of Aumasson and Bernstein, on
 * 32-bit words) over the address's four words. Keyed, because peers choose their own IPv6 addresses
 * and must not choose their place in a table. The per-IP table calls it; results are fields, so
 * that a hash allocates nothing.
 */
import { IpFamily, parseIp } from "../../base/ip.ts";

/** SipHash ends its input with the length in the top byte of a last word. */
const LENGTH_WORD = 16 << 24;

export class AddressHash {
  low = 0;
  high = 0;
  readonly #key0: number;
  readonly #key1: number;
  readonly #address = new Uint32Array(4);
  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;

  /** `seed`: two random words. */
  constructor(seed: Int32Array) {
    this.#key0 = seed[0] ?? 0;
    this.#key1 = seed[1] ?? 0;
  }

  /**
   * Sets `low` and `high` for a numeric address and returns true; false when it is none. All
   * spellings of an address hash alike, an IPv4-mapped IPv6 address as the IPv4 address in it; a
   * zone does not count.
   */
  update(ip: string): boolean {
    const address = this.#address;
    if (!parse(ip, address)) return false;
    this.#v0 = this.#key0;
    this.#v1 = this.#key1 ^ 0xee;
    this.#v2 = this.#key0 ^ 0x6c796765;
    this.#v3 = this.#key1 ^ 0x74656462;
    for (let i = 0; i < 4; i++) this.#compress((address[i] as number) | 0);
    this.#compress(LENGTH_WORD);
    this.#v2 ^= 0xee;
    this.#rounds();
    this.low = this.#v1 ^ this.#v3;
    this.#v1 ^= 0xdd;
    this.#rounds();
    this.high = this.#v1 ^ this.#v3;
    return true;
  }

  #compress(word: number): void {
    this.#v3 ^= word;
    this.#round();
    this.#v0 ^= word;
  }

  #rounds(): void {
    this.#round();
    this.#round();
    this.#round();
  }

  #round(): void {
    let v0 = (this.#v0 + this.#v1) | 0;
    let v1 = rotate(this.#v1, 5) ^ v0;
    v0 = rotate(v0, 16);
    let v2 = (this.#v2 + this.#v3) | 0;
    let v3 = rotate(this.#v3, 8) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = rotate(v3, 7) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = rotate(v1, 13) ^ v2;
    this.#v0 = v0;
    this.#v1 = v1;
    this.#v2 = rotate(v2, 16);
    this.#v3 = v3;
  }
}

function parse(ip: string, words: Uint32Array): boolean {
  if (parseIp(ip, words) !== IpFamily.none) return true;
  const zone = ip.indexOf("%");
  return zone !== -1 && parseIp(ip, words, 0, zone) !== IpFamily.none;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
