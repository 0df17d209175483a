/**
 * Brings a start line together, whole or from pieces, and has it parsed: what the request line and the
 * status line have in common. Used by the decoders.
 */
import { lineFailure, LineFailure, type PartialLine } from "./partial-line.ts";

/** Parses a line of one kind and keeps its parts. */
export interface LineParser {
  /** Returns the position behind the line; -1 when it stopped at `stop`, for the reason in `detail`. */
  parse(bytes: Uint8Array, start: number, end: number): number;
  readonly stop: number;
  readonly detail: string;
}

export const StartLineOutcome = {
  /** All bytes are consumed; the line goes on. */
  needMore: 0,
  /** The parser has parsed it. */
  parsed: 1,
  malformed: 2,
  tooLong: 3,
} as const;
export type StartLineOutcome = (typeof StartLineOutcome)[keyof typeof StartLineOutcome];

export class StartLine {
  outcome: StartLineOutcome = StartLineOutcome.needMore;
  /** The parsed line came in pieces, and lies in the partial line's bytes; otherwise in those given. */
  pieced = false;
  /** Where it begins there. */
  start = 0;
  /** Octets of the parsed line. */
  length = 0;

  readonly #partial: PartialLine;
  readonly #parser: LineParser;
  readonly #maxBytes: number;

  constructor(partial: PartialLine, parser: LineParser, maxBytes: number) {
    this.#partial = partial;
    this.#parser = parser;
    this.#maxBytes = maxBytes;
  }

  /** Reads from `bytes[start, end)`, sets `outcome`, and returns the new start. */
  read(bytes: Buffer, start: number, end: number): number {
    if (this.#partial.length > 0) return this.#readPartial(bytes, start, end);
    const next = this.#parser.parse(bytes, start, end);
    if (next === -1) return this.#leave(bytes, start, end);
    if (next - start > this.#maxBytes) return this.#stop(StartLineOutcome.tooLong, start);
    this.pieced = false;
    this.start = start;
    this.length = next - start;
    return this.#stop(StartLineOutcome.parsed, next);
  }

  #readPartial(bytes: Buffer, start: number, end: number): number {
    const partial = this.#partial;
    const pos = partial.fill(bytes, start, end, this.#maxBytes);
    if (pos === -1) return this.#stop(StartLineOutcome.tooLong, start);
    if (!partial.complete) return this.#stop(StartLineOutcome.needMore, pos);
    this.pieced = true;
    this.start = 0;
    this.length = partial.length;
    // The octets stay where they are until the next line is filled in.
    partial.clear();
    const parsed = this.#parser.parse(partial.bytes, 0, this.length) === this.length;
    return this.#stop(parsed ? StartLineOutcome.parsed : StartLineOutcome.malformed, pos);
  }

  /** The line at `start` was not parsed: it is a part, or an error. */
  #leave(bytes: Buffer, start: number, end: number): number {
    const failure = lineFailure(bytes, start, this.#parser.stop, end, this.#maxBytes);
    if (failure === LineFailure.tooLong) return this.#stop(StartLineOutcome.tooLong, start);
    if (failure === LineFailure.malformed) return this.#stop(StartLineOutcome.malformed, start);
    return this.#stop(StartLineOutcome.needMore, this.#partial.fill(bytes, start, end, this.#maxBytes));
  }

  #stop(outcome: StartLineOutcome, pos: number): number {
    this.outcome = outcome;
    return pos;
  }
}
