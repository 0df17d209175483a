/**
 * Blocks of IP addresses (RFC 4632, RFC 4291 section 2.3). `parseCidr` reads one block and says
 * precisely what is wrong with it; `CidrSet` holds many, merged and sorted, for checks on every
 * request: the `ClientIP` matcher of routes and the list of trusted proxies.
 *
 * The families are apart: `::/0` holds every IPv6 address and no IPv4 address. Bits of the host part
 * that are set are cleared (`10.1.2.3/8` is `10.0.0.0/8`), as routers and other proxies do; the
 * canonical text shows what is meant.
 */
import { assert } from "./assert.ts";
import { formatIp, IpFamily, MAPPED_WORD, parseIp } from "./ip.ts";

export interface Cidr {
  /** First address of the block, in the form of `ip.ts`. */
  readonly network: Uint32Array;
  /** Length of the prefix in the 128-bit form: 96 more than written for IPv4. */
  readonly bits: number;
  /** Canonical text, always with its prefix length. */
  readonly text: string;
}

export interface CidrError {
  /** What is wrong, in words. */
  readonly error: string;
  /** Where in the text. */
  readonly offset: number;
}

/** Bits before the 32 of an IPv4 address in the 128-bit form. */
const MAPPED_BITS = 96;

/** Reads `address/length`, or a lone address as a block of one. */
export function parseCidr(text: string): Cidr | CidrError {
  if (text === "") return { error: "an IP address or CIDR block must not be empty", offset: 0 };
  const slash = text.indexOf("/");
  const addressEnd = slash === -1 ? text.length : slash;
  const network = new Uint32Array(4);
  const family = parseIp(text, network, 0, addressEnd);
  if (family === IpFamily.none)
    return { error: `not an IP address: ${quote(text.slice(0, addressEnd))}`, offset: 0 };
  const writtenV4 = text.lastIndexOf(":", addressEnd) === -1;
  const maxLength = writtenV4 ? 32 : 128;
  const length = slash === -1 ? maxLength : prefixLength(text, slash + 1, maxLength);
  if (typeof length !== "number") return length;
  const bits = writtenV4 ? MAPPED_BITS + length : length;
  if (family === IpFamily.v4 && bits < MAPPED_BITS) {
    return {
      error: "a block of IPv4-mapped addresses needs a prefix length of at least 96",
      offset: slash + 1,
    };
  }
  mask(network, bits);
  const shown = family === IpFamily.v4 ? bits - MAPPED_BITS : bits;
  return { network, bits, text: `${formatIp(network)}/${shown}` };
}

function prefixLength(text: string, start: number, max: number): number | CidrError {
  const digits = text.slice(start);
  if (!/^(0|[1-9][0-9]{0,3})$/.test(digits)) {
    return { error: `a prefix length is a number from 0 to ${max}, not ${quote(digits)}`, offset: start };
  }
  const length = Number(digits);
  if (length > max) return { error: `the prefix length ${length} is over ${max}`, offset: start };
  return length;
}

function quote(text: string): string {
  return text === "" ? "nothing" : JSON.stringify(text);
}

/** Clears all bits after the first `bits`. */
function mask(words: Uint32Array, bits: number): void {
  for (let i = 0; i < 4; i++) {
    const keep = Math.min(32, Math.max(0, bits - i * 32));
    words[i] = keep === 0 ? 0 : (words[i] as number) & (0xffffffff << (32 - keep));
  }
}

/** An immutable set of addresses. A check allocates nothing and takes the logarithm of the number of blocks. */
export class CidrSet {
  static readonly empty: CidrSet = new CidrSet([]);

  /** Canonical texts of the blocks, in the order given. */
  readonly texts: readonly string[];
  /** Per disjoint range, ascending: four words of the first address, four of the last. */
  readonly #ranges: Uint32Array;
  readonly #scratch: Uint32Array = new Uint32Array(4);

  private constructor(blocks: readonly Cidr[]) {
    this.texts = blocks.map((block) => block.text);
    this.#ranges = packRanges(mergeRanges(blocks.flatMap(rangesOf)));
  }

  /** Compiles blocks that configuration has validated; a text that is no block is our own mistake. */
  static of(texts: readonly string[]): CidrSet {
    if (texts.length === 0) return CidrSet.empty;
    return new CidrSet(
      texts.map((text) => {
        const cidr = parseCidr(text);
        assert(!("error" in cidr), `not a CIDR block: ${text}`);
        return cidr;
      }),
    );
  }

  /** Whether the set holds this address. A text that is no address is in no set. A zone (`%eth0`) is ignored. */
  contains(ip: string): boolean {
    if (this.#ranges.length === 0) return false;
    if (parseIp(ip, this.#scratch) !== IpFamily.none) return this.containsWords(this.#scratch);
    const zone = ip.indexOf("%");
    return (
      zone !== -1 && parseIp(ip, this.#scratch, 0, zone) === IpFamily.v6 && this.containsWords(this.#scratch)
    );
  }

  /** As `contains`, for an address that `parseIp` has read. */
  containsWords(words: Uint32Array): boolean {
    const ranges = this.#ranges;
    let low = 0;
    let high = (ranges.length >> 3) - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (compareWords(words, ranges, middle * 8) < 0) high = middle - 1;
      else if (compareWords(words, ranges, middle * 8 + 4) > 0) low = middle + 1;
      else return true;
    }
    return false;
  }
}

/** Order of an address against the four words at `offset`. */
function compareWords(words: Uint32Array, others: Uint32Array, offset: number): number {
  for (let i = 0; i < 4; i++) {
    const word = words[i] as number;
    const other = others[offset + i] as number;
    if (word !== other) return word < other ? -1 : 1;
  }
  return 0;
}

/** First and last address, as numbers of 128 bits: for compiling only. */
interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

const FIRST_MAPPED = BigInt(MAPPED_WORD) << 32n;
const LAST_MAPPED = FIRST_MAPPED | 0xffffffffn;

/** The range of a block; two when an IPv6 block spans the mapped addresses, which are IPv4. */
function rangesOf(block: Cidr): Range[] {
  let first = 0n;
  for (const word of block.network) first = (first << 32n) | BigInt(word);
  const last = first + (1n << BigInt(128 - block.bits)) - 1n;
  if (block.bits >= MAPPED_BITS || first > FIRST_MAPPED || last < LAST_MAPPED) return [{ first, last }];
  return [
    { first, last: FIRST_MAPPED - 1n },
    { first: LAST_MAPPED + 1n, last },
  ];
}

function mergeRanges(ranges: Range[]): Range[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: Range[] = [];
  for (const range of sorted) {
    const previous = merged.at(-1);
    if (previous === undefined || range.first > previous.last + 1n) merged.push(range);
    else if (range.last > previous.last)
      merged[merged.length - 1] = { first: previous.first, last: range.last };
  }
  return merged;
}

function packRanges(ranges: readonly Range[]): Uint32Array {
  const words = new Uint32Array(ranges.length * 8);
  ranges.forEach((range, index) => {
    for (let i = 0; i < 4; i++) {
      const shift = BigInt(96 - i * 32);
      words[index * 8 + i] = Number((range.first >> shift) & 0xffffffffn);
      words[index * 8 + 4 + i] = Number((range.last >> shift) & 0xffffffffn);
    }
  });
  return words;
}
