/** Which child of a radix tree's node begins with a character. */

/** Up to so many children are searched one by one; that is faster than halving for few. */
const MAX_LINEAR = 8;

/** Index of the code among ascending ones; -1 when it is not there. */
export function indexOfCode(codes: Uint16Array, code: number): number {
  if (codes.length > MAX_LINEAR) return halved(codes, code);
  for (let i = 0; i < codes.length; i++) if (codes[i] === code) return i;
  return -1;
}

function halved(codes: Uint16Array, code: number): number {
  let low = 0;
  let high = codes.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = codes[middle] as number;
    if (found === code) return middle;
    if (found < code) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
