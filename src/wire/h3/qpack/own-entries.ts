/**
 * The dynamic table of QPACK's encoder: what was inserted, what the peer is known to have, and what it may
 * still refer to (RFC 9204 section 2.1). Writes the instructions of the encoder stream.
 *
 * An entry is referred to once QUIC has taken the whole instruction that inserts it, never in the section
 * that is being encoded: so no section can wait for an instruction that flow control holds back (RFC 9204
 * section 2.1.3), and Base is never below the Required Insert Count.
 */
import { writeInteger } from "../../field-codec/integer.ts";
import type { OwnField } from "../../field-codec/own-field.ts";
import { OwnTable } from "../../field-codec/own-table.ts";
import { writeString } from "../../field-codec/string-writer.ts";
import {
  DUPLICATE_MASK,
  INSERT_NAMED,
  INSERT_NAMED_MASK,
  INSERT_NAMED_STATIC,
  SET_CAPACITY,
  SET_CAPACITY_MASK,
} from "./instruction.ts";
import type { InstructionQueue } from "./instruction-queue.ts";
import { OutstandingSections } from "./outstanding-sections.ts";
import { MAX_FIELD_OVERHEAD_BYTES, MAX_INSERTIONS, MAX_WAITING_INSTRUCTION_BYTES } from "./qpack-limits.ts";
import { INSERTED_NAME, NO_INDEX, STATIC_NAMES, writeName } from "./static-names.ts";

/** Of a table that is nearly full, the oldest entries: one part in eight by number. */
const NEARLY_FULL = 0.75;
const DRAINING_SHIFT = 3;

export class OwnEntries {
  /** Entries that a section which begins now may refer to: their absolute indices are below. */
  base = 0;
  /** Of the section that is being encoded. */
  requiredCount = 0;
  /** For the encoder stream. */
  readonly #instructions: InstructionQueue;
  readonly #table: OwnTable;
  readonly #outstanding: OutstandingSections = new OutstandingSections();
  readonly #maxBlockedStreams: number;
  #insertCount = 0;
  /** Known Received Count (RFC 9204 section 2.1.4). */
  #known = 0;
  /** The oldest entry that the section refers to. */
  #oldest = Infinity;

  /** The sizes are within what the peer's SETTINGS allow. */
  constructor(instructions: InstructionQueue, tableBytes: number, maxBlockedStreams: number) {
    this.#instructions = instructions;
    this.#table = new OwnTable(tableBytes);
    this.#maxBlockedStreams = maxBlockedStreams;
    this.#write(SET_CAPACITY, SET_CAPACITY_MASK, tableBytes);
  }

  /** Begins a section. */
  begin(): void {
    if (this.#instructions.length === 0) this.base = this.#insertCount;
    this.requiredCount = 0;
    this.#oldest = Infinity;
  }

  /** Ends the section, which is sent on this stream. */
  end(streamId: number): void {
    if (this.requiredCount > 0) this.#outstanding.add(streamId, this.requiredCount, this.#oldest);
  }

  /** Whether the field is small enough to become an entry. */
  fits(field: OwnField): boolean {
    return this.#table.fits(field);
  }

  /** How many entries came after the newest one that is this field; -1: there is none. */
  ageOf(field: OwnField, hash: number): number {
    return this.#table.ageOf(field, hash);
  }

  /** Whether a field of this hash was asked for before. */
  wasSeen(hash: number): boolean {
    return this.#table.wasSeen(hash);
  }

  /** Whether the entry is about to be evicted: it is inserted anew instead of referred to (RFC 9204 section 2.1.1.1). */
  isDraining(age: number): boolean {
    const { count, sizeBytes, maxBytes } = this.#table.entries;
    return sizeBytes > maxBytes * NEARLY_FULL && age >= count - (count >>> DRAINING_SHIFT);
  }

  /** The index of an entry relative to Base, which the section then refers to; -1: it may not. */
  refer(age: number): number {
    const absolute = this.#insertCount - 1 - age;
    if (absolute >= this.base || this.#outstanding.full) return -1;
    if (absolute >= this.#known && !this.#mayBlock()) return -1;
    this.requiredCount = Math.max(this.requiredCount, absolute + 1);
    this.#oldest = Math.min(this.#oldest, absolute);
    return this.base - 1 - absolute;
  }

  /** Inserts the field, or the entry again that is this field (`age` is not -1), if it can be done now. */
  insert(field: OwnField, hash: number, age: number): void {
    const instructions = this.#instructions;
    if (instructions.length > MAX_WAITING_INSTRUCTION_BYTES || this.#insertCount >= MAX_INSERTIONS) return;
    if (!this.#canMakeRoom(field.sizeBytes)) return;
    if (age === -1) this.#writeInsertion(field);
    else this.#write(0, DUPLICATE_MASK, age);
    this.#table.insert(field, hash);
    this.#insertCount++;
  }

  /** Section Acknowledgment; false: there is no section that it could mean. */
  acknowledge(streamId: number): boolean {
    const count = this.#outstanding.acknowledge(streamId);
    this.#known = Math.max(this.#known, count);
    return count !== -1;
  }

  /** Stream Cancellation. */
  cancel(streamId: number): void {
    this.#outstanding.cancel(streamId);
  }

  /** Insert Count Increment; false: there are not so many, or it is 0. */
  increment(count: number): boolean {
    if (count === 0 || count > this.#insertCount - this.#known) return false;
    this.#known += count;
    return true;
  }

  /** Whether the section may have to wait for entries. Each counts as a stream of its own, which errs on the safe side. */
  #mayBlock(): boolean {
    if (this.requiredCount > this.#known) return true;
    return this.#outstanding.blockedCount(this.#known) < this.#maxBlockedStreams;
  }

  /** Whether what is in the way of an entry of this size may be evicted: acknowledged, and referred to by no section on its way. */
  #canMakeRoom(sizeBytes: number): boolean {
    const { entries } = this.#table;
    const kept = Math.min(this.#known, this.#oldest, this.#outstanding.oldestEntry());
    const first = this.#insertCount - entries.count;
    let room = entries.maxBytes - entries.sizeBytes;
    for (let absolute = first; room < sizeBytes && absolute < kept; absolute++)
      room += entries.entryBytes((absolute + 1) | 0);
    return room >= sizeBytes;
  }

  #writeInsertion(field: OwnField): void {
    const instructions = this.#instructions;
    instructions.reserve(field.sizeBytes + MAX_FIELD_OVERHEAD_BYTES);
    const target = instructions.bytes;
    const index = STATIC_NAMES[field.id] as number;
    const at =
      index === NO_INDEX
        ? writeName(target, instructions.length, field, INSERTED_NAME)
        : writeInteger(
            target,
            instructions.length,
            index,
            INSERT_NAMED_MASK,
            INSERT_NAMED | INSERT_NAMED_STATIC,
          );
    instructions.length = writeString(target, at, field.bytes, field.start, field.end);
  }

  #write(flags: number, mask: number, value: number): void {
    const instructions = this.#instructions;
    instructions.reserve(MAX_FIELD_OVERHEAD_BYTES);
    instructions.length = writeInteger(instructions.bytes, instructions.length, value, mask, flags);
  }
}
