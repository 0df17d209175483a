/**
 * A line that has come in pieces. Lines that lie whole in the received bytes are parsed where they
 * are; only the one that the end of the bytes cuts in two is kept here, until its LF comes. Each octet
 * is searched once and copied once, however small the pieces are. Nothing is held between messages.
 */
import { LF } from "../http/octets.ts";

const FIRST_BYTES = 256;
const NO_BYTES: Buffer = Buffer.alloc(0);

export class PartialLine {
  bytes: Buffer = NO_BYTES;
  /** Octets held; 0: there is no partial line. */
  length = 0;

  /**
   * Appends `source[start, end)` up to and with its first LF, and returns where it stopped; -1 when the
   * line would have more than `maxBytes`.
   */
  fill(source: Buffer, start: number, end: number, maxBytes: number): number {
    const lf = indexOfLf(source, start, end);
    const stop = lf === -1 ? end : lf + 1;
    const length = this.length + stop - start;
    if (length > maxBytes) return -1;
    if (length > this.bytes.length) this.#grow(length);
    source.copy(this.bytes, this.length, start, stop);
    this.length = length;
    return stop;
  }

  /** Its LF has come. */
  get complete(): boolean {
    return this.length > 0 && this.bytes[this.length - 1] === LF;
  }

  clear(): void {
    this.length = 0;
  }

  /** Gives the memory back: an idle connection holds none. */
  release(): void {
    this.length = 0;
    this.bytes = NO_BYTES;
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, this.bytes.length * 2, length));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

/** Never looks past `end`, unlike `Buffer.indexOf`, which would search the rest of a large buffer each time. */
export function indexOfLf(bytes: Uint8Array, start: number, end: number): number {
  for (let pos = start; pos < end; pos++) if (bytes[pos] === LF) return pos;
  return -1;
}

/** What the parsers of single lines return instead of the position behind the line. */
export const LineFailure = {
  /** The line goes on behind the bytes given. */
  incomplete: -1,
  /** The line is there, and breaks the grammar. */
  malformed: -2,
  /** The line is, or will be, longer than allowed. */
  tooLong: -3,
} as const;

/**
 * Tells the failures of a line apart, the same however the bytes were cut: a line is judged only when
 * its LF is there, and its length is judged first. `stop` is where the parser could not go on.
 */
export function lineFailure(
  bytes: Uint8Array,
  start: number,
  stop: number,
  end: number,
  maxBytes: number,
): number {
  const lf = indexOfLf(bytes, stop, end);
  const lineEnd = lf === -1 ? end : lf + 1;
  if (lineEnd - start > maxBytes) return LineFailure.tooLong;
  return lf === -1 ? LineFailure.incomplete : LineFailure.malformed;
}
