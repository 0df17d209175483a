/**
 * Decodes strings in the Huffman code of RFC 7541 section 5.2, which QPACK uses as well (RFC 9204
 * section 4.1.2). An automaton over windows of 12 bits: a window holds one or two whole symbols, or the
 * beginning of a longer code, and a table of 16 KiB says which.
 */
import {
  CODE_BITS,
  CODE_COUNTS,
  END_OF_STRING,
  FIRST_CODES,
  FIRST_PLACES,
  MAX_CODE_BITS,
  SORTED_SYMBOLS,
} from "./huffman-code.ts";

const WINDOW_BITS = 12;
const WINDOW_MASK = (1 << WINDOW_BITS) - 1;

/** The shortest code. */
const MIN_CODE_BITS = 5;

/** Padding must be shorter than an octet. */
const OCTET_BITS = 8;

/**
 * Per window, from its low bits: first symbol (8 bits), second symbol (8), length of the first (4),
 * length of both (4), number of symbols. 0 for the beginning of a code that is longer than the window.
 */
const WINDOWS: Int32Array = windows();

/**
 * Room that the decoded form of so many octets needs, with the one octet of slack that it may touch: an
 * octet holds no two codes, as each has 5 bits at least.
 */
export function huffmanDecodedBound(length: number): number {
  return 2 * length + 1;
}

/**
 * Decodes `source[start, end)` to `target` at `offset` and returns the offset behind it; -1 when the
 * string holds the end-of-string symbol, or is padded with anything but fewer than 8 bits of it.
 */
export function huffmanDecode(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  offset: number,
): number {
  let pos = start;
  let to = offset;
  // The bits that are read and not yet decoded are the low `count` of `bits`.
  let bits = 0;
  let count = 0;
  for (;;) {
    if (count < 16 && pos < end) {
      bits = (bits << 8) | (source[pos++] as number);
      count += 8;
      if (pos < end) {
        bits = (bits << 8) | (source[pos++] as number);
        count += 8;
      }
    }
    if (count < WINDOW_BITS) return finish(bits, count, target, to);
    const window = WINDOWS[(bits >>> (count - WINDOW_BITS)) & WINDOW_MASK] as number;
    if (window !== 0) {
      target[to] = window;
      target[to + 1] = window >>> 8;
      to += window >>> 24;
      count -= (window >>> 20) & 15;
      continue;
    }
    const at = pos * OCTET_BITS - count;
    const length = longCodeBits(source, at, end);
    if (at + length > end * OCTET_BITS) return -1;
    const symbol = longSymbol(source, at, length);
    if (symbol === END_OF_STRING) return -1;
    target[to++] = symbol;
    count = -(at + length) & (OCTET_BITS - 1);
    pos = (at + length + count) / OCTET_BITS;
    bits = source[pos - 1] as number;
  }
}

/** Decodes the last bits, fewer than a window; what is no symbol is padding. */
function finish(bits: number, count: number, target: Uint8Array, offset: number): number {
  let left = count;
  let to = offset;
  while (left > 0) {
    // Followed by ones, so that a prefix of the end-of-string symbol is the beginning of a long code.
    const window = WINDOWS[((bits << (WINDOW_BITS - left)) | (WINDOW_MASK >>> left)) & WINDOW_MASK] as number;
    const length = (window >>> 16) & 15;
    if (length === 0 || length > left) break;
    target[to++] = window;
    left -= length;
  }
  const mask = (1 << left) - 1;
  return left < OCTET_BITS && (bits & mask) === mask ? to : -1;
}

/** Length of the code at a bit of `source`, one that is longer than a window; it may reach past `end`. */
function longCodeBits(source: Uint8Array, at: number, end: number): number {
  const bits = bitsAt(source, at, end);
  for (let length = WINDOW_BITS + 1; length < MAX_CODE_BITS; length++) {
    const code = bits >>> (32 - length);
    if (code - (FIRST_CODES[length] as number) < (CODE_COUNTS[length] as number)) return length;
  }
  return MAX_CODE_BITS;
}

function longSymbol(source: Uint8Array, at: number, length: number): number {
  const code = bitsAt(source, at, source.length) >>> (32 - length);
  return SORTED_SYMBOLS[(FIRST_PLACES[length] as number) + code - (FIRST_CODES[length] as number)] as number;
}

/** 32 bits from a bit of `source` on; ones behind its `end`. */
function bitsAt(source: Uint8Array, at: number, end: number): number {
  const first = at >>> 3;
  const shift = at & (OCTET_BITS - 1);
  let bits = 0;
  for (let i = first; i < first + 4; i++) bits = (bits << 8) | (i < end ? (source[i] as number) : 0xff);
  const next = first + 4 < end ? (source[first + 4] as number) : 0xff;
  return shift === 0 ? bits : (bits << shift) | (next >>> (OCTET_BITS - shift));
}

function windows(): Int32Array {
  const table = new Int32Array(1 << WINDOW_BITS);
  for (let window = 0; window < table.length; window++) {
    const first = symbolIn(window, 0);
    if (first === -1) continue;
    const length = CODE_BITS[first] as number;
    const second = symbolIn(window, length);
    const both = second === -1 ? length : length + (CODE_BITS[second] as number);
    const symbols = second === -1 ? 1 : 2;
    table[window] = first | (Math.max(second, 0) << 8) | (length << 16) | (both << 20) | (symbols << 24);
  }
  return table;
}

/** The symbol that lies whole in the window behind so many of its bits; -1: none. */
function symbolIn(window: number, skip: number): number {
  for (let length = MIN_CODE_BITS; skip + length <= WINDOW_BITS; length++) {
    const code = (window >>> (WINDOW_BITS - skip - length)) & ((1 << length) - 1);
    const place = code - (FIRST_CODES[length] as number);
    if (place < (CODE_COUNTS[length] as number))
      return SORTED_SYMBOLS[(FIRST_PLACES[length] as number) + place] as number;
  }
  return -1;
}
