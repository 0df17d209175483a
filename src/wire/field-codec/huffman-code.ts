/**
 * The Huffman code of RFC 7541 appendix B, from which the encoder and the decoder make their tables. It
 * is canonical: codes of one length follow each other in the order of their symbols, and each length
 * goes on where the one before ended. So the lengths say all.
 */
import { assert } from "../../base/assert.ts";

/** The symbol that ends a string, of which only a prefix may stand there as padding. */
export const END_OF_STRING = 256;

export const SYMBOLS = 257;

/** The longest code, that of `END_OF_STRING` among others. */
export const MAX_CODE_BITS = 30;

/** Symbols by the length of their code: characters, or octets from and to. */
const SYMBOLS_BY_LENGTH: readonly (readonly [
  bits: number,
  symbols: string | readonly (readonly number[])[],
])[] = [
  [5, "012aceiost"],
  [6, " %-./3456789=A_bdfghlmnpru"],
  [7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
  [8, "&*,;XZ"],
  [10, '!"()?'],
  [11, "'+|"],
  [12, "#>"],
  [13, "\0$@[]~"],
  [14, "^}"],
  [15, "<`{"],
  [19, [[92], [195], [208]]],
  [20, [[128], [130, 131], [162], [184], [194], [224], [226]]],
  [21, [[153], [161], [167], [172], [176, 177], [179], [209], [216, 217], [227], [229, 230]]],
  [
    22,
    [
      [129],
      [132, 134],
      [136],
      [146],
      [154],
      [156],
      [160],
      [163, 164],
      [169, 170],
      [173],
      [178],
      [181],
      [185, 187],
      [189, 190],
      [196],
      [198],
      [228],
      [232, 233],
    ],
  ],
  [
    23,
    [
      [1],
      [135],
      [137, 141],
      [143],
      [147],
      [149, 152],
      [155],
      [157, 158],
      [165, 166],
      [168],
      [174, 175],
      [180],
      [182, 183],
      [188],
      [191],
      [197],
      [231],
      [239],
    ],
  ],
  [24, [[9], [142], [144, 145], [148], [159], [171], [206], [215], [225], [236, 237]]],
  [25, [[199], [207], [234, 235]]],
  [26, [[192, 193], [200, 202], [205], [210], [213], [218, 219], [238], [240], [242, 243], [255]]],
  [27, [[203, 204], [211, 212], [214], [221, 223], [241], [244, 248], [250, 254]]],
  [28, [[2, 8], [11, 12], [14, 21], [23, 31], [127], [220], [249]]],
  [30, [[10], [13], [22], [END_OF_STRING]]],
];

/** Length of the code of each symbol, in bits. */
export const CODE_BITS: Uint8Array = codeBits();

/** Symbols in the order of their codes. */
export const SORTED_SYMBOLS: Uint16Array = sortedSymbols();

/** Per length: its first code, how many it has, and where those begin in `SORTED_SYMBOLS`. */
export const FIRST_CODES: Int32Array = new Int32Array(MAX_CODE_BITS + 1);
export const CODE_COUNTS: Int32Array = new Int32Array(MAX_CODE_BITS + 1);
export const FIRST_PLACES: Int32Array = new Int32Array(MAX_CODE_BITS + 1);

/** The code of each symbol, in its low bits. */
export const CODES: Int32Array = codes();

function codeBits(): Uint8Array {
  const table = new Uint8Array(SYMBOLS);
  for (const [bits, symbols] of SYMBOLS_BY_LENGTH) for (const symbol of listed(symbols)) table[symbol] = bits;
  assert(
    table.every((bits) => bits > 0),
    "a symbol has no code",
  );
  return table;
}

function listed(symbols: string | readonly (readonly number[])[]): readonly number[] {
  if (typeof symbols === "string") return Array.from(symbols, (character) => character.charCodeAt(0));
  return symbols.flatMap(([first = 0, last = first]) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i),
  );
}

function sortedSymbols(): Uint16Array {
  const symbols = Array.from({ length: SYMBOLS }, (_, symbol) => symbol);
  const bits = (symbol: number): number => CODE_BITS[symbol] as number;
  return Uint16Array.from(symbols.sort((one, other) => bits(one) - bits(other) || one - other));
}

function codes(): Int32Array {
  const table = new Int32Array(SYMBOLS);
  let code = 0;
  let place = 0;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
    code *= 2;
    FIRST_CODES[bits] = code;
    FIRST_PLACES[bits] = place;
    for (; place < SYMBOLS; place++, code++) {
      const symbol = SORTED_SYMBOLS[place] as number;
      if (CODE_BITS[symbol] !== bits) break;
      table[symbol] = code;
    }
    CODE_COUNTS[bits] = place - (FIRST_PLACES[bits] as number);
  }
  assert(code === 2 ** MAX_CODE_BITS, "the code is not complete");
  return table;
}
