/**
 * Four octets judged at once, for values that are read or copied into log lines. The word is as
 * `DataView.getInt32` gives it, whatever the order of its octets.
 */
const EACH_01 = 0x01010101;
const EACH_20 = 0x20202020;
const EACH_80 = 0x80808080 | 0;
const EACH_QUOTE = 0x22222222;
const EACH_BACKSLASH = 0x5c5c5c5c;

/** Whether all four are visible ASCII or blanks: 0x20 to 0x7E. */
export function arePrintable(word: number): boolean {
  return unprintable(word) === 0;
}

/** 0 when all four are printable; else what `firstMarked` finds the first of the others in. */
export function unprintable(word: number): number {
  return ((word - EACH_20) | word | (word + EACH_01)) & EACH_80;
}

/**
 * The place, 0 to 3, of the octet that was marked first, of a word that was read in little-endian order.
 * Marks behind it may be wrong, as octets that are none borrow and carry; the first one is right.
 */
export function firstMarked(marks: number): number {
  return (31 - Math.clz32(marks & -marks)) >> 3;
}

/** Whether all four are visible ASCII or blanks, and none is a quote or a backslash. */
export function areUnquoted(word: number): boolean {
  const quotes = word ^ EACH_QUOTE;
  const backslashes = word ^ EACH_BACKSLASH;
  // An octet of 0 is found by the borrow when 1 is taken from it (Hacker's Delight, section 6-1).
  const found = ((quotes - EACH_01) & ~quotes) | ((backslashes - EACH_01) & ~backslashes);
  return (((word - EACH_20) | word | (word + EACH_01) | found) & EACH_80) === 0;
}
