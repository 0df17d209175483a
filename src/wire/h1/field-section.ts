/**
 * Reads field lines (RFC 9112 section 5) into `Fields`: the head's and the trailer section's. Strict:
 * no line folding, no space before the colon, CRLF and nothing else at the end of a line.
 *
 * Lines spelt `name: value CRLF`, that is nearly all, are not copied one by one: their offsets are
 * noted while they are scanned, and the run of them is copied at once when it ends.
 *
 * Called by the decoders, which say with a table which fields they want to see; the section stops at
 * those, and reads on over all others.
 */
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import { firstMarked, unprintable } from "../../base/plain-octets.ts";
import { fieldIdIn, fieldIdOf, foreseenNameEnd } from "../http/field-id.ts";
import { Fields } from "../http/fields.ts";
import {
  COLON,
  CR,
  FIELD_VALUE_OCTETS,
  isWhitespace,
  LF,
  SP,
  TOKEN_OCTETS,
  UNDERSCORE,
} from "../http/octets.ts";
import type { FaultCodes } from "./fault-codes.ts";
import { lineFailure, LineFailure, type PartialLine } from "./partial-line.ts";
import { NO_FIELD, type ReaderMemory } from "./reader-memory.ts";

/** What is done with a field, by its id. */
export const FieldUse = {
  /** It is added to the fields. */
  keep: 0,
  /** It is added, and `read` stops to show it. */
  show: 1,
  /** `read` stops to show it; it is not added. */
  take: 2,
  /** It may not stand in this section. */
  forbid: 3,
} as const;

export const SectionEvent = {
  /** All bytes are consumed. */
  needMore: 0,
  /** A field to show: `id`, and its value in `lineIn(bytes)[valueStart, valueEnd)`. */
  field: 1,
  /** The empty line has come. */
  end: 2,
  /** `fault` says what is wrong. */
  error: 3,
} as const;
export type SectionEvent = (typeof SectionEvent)[keyof typeof SectionEvent];

export interface FieldSectionOptions {
  /** A `FieldUse` per field id. */
  readonly uses: Uint8Array;
  readonly underscores: "reject" | "drop" | "allow";
  readonly maxFields: number;
  readonly memory: ReaderMemory;
  readonly codes: FaultCodes;
}

/** Token characters without the underscore, which has a policy. */
const NAME_OCTETS: Uint8Array = Uint8Array.from(TOKEN_OCTETS);
NAME_OCTETS[UNDERSCORE] = 0;

/** What `#scan` returns for the empty line, and for a line that is no field line (then `#stop` is set). */
const EMPTY_LINE = -1;
const NOT_A_FIELD = -2;

export class FieldSection {
  event: SectionEvent = SectionEvent.needMore;
  id = 0;
  valueStart = 0;
  valueEnd = 0;
  fault: Fault | null = null;

  readonly #options: FieldSectionOptions;
  readonly #uses: Uint8Array;
  readonly #maxFields: number;
  readonly #partial: PartialLine;
  readonly #memory: ReaderMemory;
  #fields: Fields = new Fields();
  /** What is left of the section's budget. */
  #roomBytes = 0;
  #fieldCount = 0;
  #nameEnd = 0;
  #underscore = false;
  #stop = 0;
  /** The shown line came in pieces. */
  #pieced = false;
  /** The field before, by its id; `NO_FIELD`: there is none. */
  #previous: number = NO_FIELD;
  /** Lines of the current buffer that are noted, and will be copied: from where on; -1: none. */
  #runStart = -1;
  /** Add to an offset in the current buffer to have the offset in the fields' store. */
  #runShift = 0;

  constructor(partial: PartialLine, options: FieldSectionOptions) {
    this.#partial = partial;
    this.#options = options;
    this.#uses = options.uses;
    this.#maxFields = options.maxFields;
    this.#memory = options.memory;
  }

  /** Starts a section that may have `maxBytes` octets with its empty line. */
  begin(fields: Fields, maxBytes: number): void {
    this.#fields = fields;
    this.#roomBytes = maxBytes;
    this.#fieldCount = 0;
    this.#previous = NO_FIELD;
    this.#runStart = -1;
  }

  /**
   * The line in front of the section goes into the fields' store as well, ahead of them: with their
   * run when it lies in the `bytes` that `read` gets next (`joined`), else by itself. Returns what to
   * add to a position in `bytes` to have the one in the store.
   */
  lead(bytes: Buffer, start: number, end: number, joined: boolean): number {
    if (!joined) return this.#fields.addLines(bytes, start, end) - start;
    this.#beginRun(start);
    return this.#runShift;
  }

  /** Where a position in the bytes that are being read will be in the store; -1 when no run is under way. */
  storeOffset(position: number): number {
    return this.#runStart === -1 ? -1 : position + this.#runShift;
  }

  /** Copies the run that is under way: whoever stops reading before the section's end calls it. */
  endRun(bytes: Buffer, runEnd: number): void {
    if (this.#runStart === -1) return;
    const offset = this.#fields.addLines(bytes, this.#runStart, runEnd, this.#memory.views.of(bytes));
    assert(offset === this.#runStart + this.#runShift, "a run of field lines went elsewhere than noted");
    this.#runStart = -1;
  }

  /** The buffer that the shown line lies in: the one given to `read`, or the partial line's. */
  lineIn(bytes: Buffer): Buffer {
    return this.#pieced ? this.#partial.bytes : bytes;
  }

  /** The view of that buffer. */
  viewOf(line: Buffer): DataView {
    return this.#memory.views.of(line);
  }

  /** Reads from `bytes[start, end)`, sets `event`, and returns the new start. */
  read(bytes: Buffer, start: number, end: number): number {
    if (this.#partial.length > 0) return this.#readPartial(bytes, start, end);
    const uses = this.#uses;
    const memory = this.#memory;
    const view = memory.views.of(bytes);
    const lastWord = end - 4;
    let pos = start;
    for (;;) {
      if (pos + 1 < end && bytes[pos] === CR && bytes[pos + 1] === LF)
        return this.#leave(bytes, pos, end, EMPTY_LINE);
      // Lines spelt as we spell them, `name: value CRLF`; every other one is for `#readOther`.
      const foreseen = memory.foresee(this.#previous);
      let nameEnd = foreseenNameEnd(view, pos, end, foreseen);
      const isForeseen = nameEnd !== -1;
      if (!isForeseen) {
        nameEnd = pos;
        while (nameEnd < end && NAME_OCTETS[bytes[nameEnd] as number] === 1) nameEnd++;
      }
      const valueStart = nameEnd + 2;
      if (valueStart >= end || bytes[nameEnd] !== COLON || bytes[nameEnd + 1] !== SP || nameEnd === pos) {
        pos = this.#readOther(bytes, pos, end);
        if (pos < 0) return -1 - pos;
        continue;
      }
      let valueEnd = valueStart;
      let marks = 0;
      while (valueEnd <= lastWord && (marks = unprintable(view.getInt32(valueEnd, true))) === 0)
        valueEnd += 4;
      // A tab, or an octet beyond ASCII, stops here as well: such a line is for `#readOther`.
      if (marks !== 0) valueEnd += firstMarked(marks);
      else while (valueEnd < end && FIELD_VALUE_OCTETS[bytes[valueEnd] as number] === 1) valueEnd++;
      const next = valueEnd + 2;
      if (
        next > end ||
        bytes[valueEnd] !== CR ||
        bytes[valueEnd + 1] !== LF ||
        isWhitespace(bytes[valueStart]) ||
        isWhitespace(bytes[valueEnd - 1])
      ) {
        pos = this.#readOther(bytes, pos, end);
        if (pos < 0) return -1 - pos;
        continue;
      }
      const room = this.#roomBytes - next + pos;
      if (room < 0 || ++this.#fieldCount > this.#maxFields) {
        this.endRun(bytes, pos);
        return this.#tooLarge(pos);
      }
      this.#roomBytes = room;
      const id = isForeseen ? foreseen : fieldIdIn(view, pos, nameEnd);
      if (!isForeseen) memory.note(this.#previous, id);
      this.#previous = id;
      const use = uses[id] as number;
      if (use < FieldUse.take) {
        if (this.#runStart === -1) this.#beginRun(pos);
        const shift = this.#runShift;
        this.#fields.addSpan(pos + shift, nameEnd + shift, valueEnd + shift, id);
      }
      pos = next;
      if (use === FieldUse.keep) continue;
      this.#underscore = false;
      this.valueStart = valueStart;
      this.valueEnd = valueEnd;
      this.#show(false, id, use);
      if (use === FieldUse.forbid) this.endRun(bytes, pos);
      return pos;
    }
  }

  /** Reads one line that is spelt otherwise, or is cut; -1 minus the position when `read` has to return there. */
  #readOther(bytes: Buffer, pos: number, end: number): number {
    const next = this.#scan(bytes, pos, end);
    if (next < 0) return -1 - this.#leave(bytes, pos, end, next);
    const room = this.#roomBytes - next + pos;
    if (room < 0 || ++this.#fieldCount > this.#maxFields) {
      this.endRun(bytes, pos);
      return -1 - this.#tooLarge(pos);
    }
    this.#roomBytes = room;
    const id = fieldIdOf(bytes, pos, this.#nameEnd);
    const use = this.#underscore ? this.#underscoreUse() : (this.#uses[id] as number);
    if (use < FieldUse.take) this.#note(bytes, pos, next, id);
    if (use === FieldUse.keep || !this.#show(false, id, use)) return next;
    if (use === FieldUse.forbid) this.endRun(bytes, next);
    return -1 - next;
  }

  /** Completes the line that was cut; a line of its own is copied on its own. */
  #readPartial(bytes: Buffer, start: number, end: number): number {
    const partial = this.#partial;
    const pos = partial.fill(bytes, start, end, this.#roomBytes);
    if (pos === -1) return this.#tooLarge(start);
    if (!partial.complete) {
      this.event = SectionEvent.needMore;
      return pos;
    }
    const line = partial.bytes;
    const length = partial.length;
    partial.clear();
    this.#roomBytes -= length;
    const next = this.#scan(line, 0, length);
    if (next === EMPTY_LINE) return this.#endSection(pos);
    if (next === NOT_A_FIELD) return this.#malformed(pos);
    if (++this.#fieldCount > this.#maxFields) return this.#tooLarge(pos);
    const id = fieldIdOf(line, 0, this.#nameEnd);
    const use = this.#underscore ? this.#underscoreUse() : (this.#uses[id] as number);
    if (use < FieldUse.take) this.#fields.addBytes(line, 0, this.#nameEnd, this.valueStart, this.valueEnd);
    if (use !== FieldUse.keep && this.#show(true, id, use)) return pos;
    return this.read(bytes, pos, end);
  }

  /** Finds the parts of the line at `start`. */
  #scan(bytes: Buffer, start: number, end: number): number {
    let pos = start;
    this.#underscore = false;
    while (pos < end && NAME_OCTETS[bytes[pos] as number] === 1) pos++;
    if (pos < end && bytes[pos] === UNDERSCORE) pos = this.#scanUnderscores(bytes, pos, end);
    if (pos === start || pos === end || bytes[pos] !== COLON) return this.#notField(bytes, start, pos, end);
    this.#nameEnd = pos++;
    while (pos < end && isWhitespace(bytes[pos])) pos++;
    this.valueStart = pos;
    while (pos < end && FIELD_VALUE_OCTETS[bytes[pos] as number] === 1) pos++;
    if (pos + 1 >= end || bytes[pos] !== CR || bytes[pos + 1] !== LF) {
      this.#stop = pos;
      return NOT_A_FIELD;
    }
    let valueEnd = pos;
    while (valueEnd > this.valueStart && isWhitespace(bytes[valueEnd - 1])) valueEnd--;
    this.valueEnd = valueEnd;
    return pos + 2;
  }

  #scanUnderscores(bytes: Uint8Array, start: number, end: number): number {
    let pos = start;
    while (pos < end && TOKEN_OCTETS[bytes[pos] as number] === 1) pos++;
    this.#underscore = true;
    return pos;
  }

  #notField(bytes: Uint8Array, start: number, stop: number, end: number): number {
    if (start + 1 < end && bytes[start] === CR && bytes[start + 1] === LF) return EMPTY_LINE;
    this.#stop = stop;
    return NOT_A_FIELD;
  }

  #underscoreUse(): number {
    const policy = this.#options.underscores;
    if (policy === "allow") return FieldUse.keep;
    return policy === "drop" ? FieldUse.take : FieldUse.forbid;
  }

  /** Notes a line for the run; one that must be respelt ends the run. */
  #note(bytes: Buffer, start: number, next: number, id: number): void {
    const nameEnd = this.#nameEnd;
    if (this.valueStart !== nameEnd + 2 || bytes[nameEnd + 1] !== SP || this.valueEnd + 2 !== next) {
      this.endRun(bytes, start);
      this.#fields.addBytes(bytes, start, nameEnd, this.valueStart, this.valueEnd);
      return;
    }
    if (this.#runStart === -1) this.#beginRun(start);
    const shift = this.#runShift;
    this.#fields.addSpan(start + shift, nameEnd + shift, this.valueEnd + shift, id);
  }

  #beginRun(start: number): void {
    this.#runStart = start;
    this.#runShift = this.#fields.length - start;
  }

  /** Decides whether `read` stops at this field; false for one that is left out silently. */
  #show(pieced: boolean, id: number, use: number): boolean {
    if (use === FieldUse.forbid) {
      const detail = this.#underscore ? "underscore in a field name" : "field not allowed in trailers";
      this.#fail(this.#options.codes.syntax, detail);
      return true;
    }
    if (this.#underscore) return false;
    this.#pieced = pieced;
    this.id = id;
    this.event = SectionEvent.field;
    return true;
  }

  /** The line at `pos` is not a whole field line: the end, a part, or an error. */
  #leave(bytes: Buffer, pos: number, end: number, result: number): number {
    this.endRun(bytes, pos);
    if (result === EMPTY_LINE) {
      if (this.#roomBytes < 2) return this.#tooLarge(pos);
      this.#roomBytes -= 2;
      return this.#endSection(pos + 2);
    }
    const failure = lineFailure(bytes, pos, this.#stop, end, this.#roomBytes);
    if (failure === LineFailure.tooLong) return this.#tooLarge(pos);
    if (failure === LineFailure.malformed) return this.#malformed(pos);
    this.#partial.fill(bytes, pos, end, this.#roomBytes);
    this.event = SectionEvent.needMore;
    return end;
  }

  #endSection(pos: number): number {
    this.event = SectionEvent.end;
    return pos;
  }

  #malformed(pos: number): number {
    return this.#fail(this.#options.codes.syntax, "malformed field line", pos);
  }

  #tooLarge(pos: number): number {
    return this.#fail(this.#options.codes.tooLarge, "field section over its limit", pos);
  }

  #fail(code: Fault["code"], detail: string, pos = 0): number {
    this.fault = new Fault(code, detail);
    this.event = SectionEvent.error;
    return pos;
  }
}
