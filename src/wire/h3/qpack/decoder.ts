/**
 * Decodes the field sections that one HTTP/3 connection receives (RFC 9204). Strict and bounded: whatever
 * the bytes are, it ends with an outcome, and memory and work are bounded by the section and the limits.
 *
 * Called by the HTTP/3 codec with each whole section, and with what comes on the peer's encoder stream.
 * Hands each field to the sink, as spans, and what the peer must be told to `feedback`.
 */
import { FieldComposer } from "../../field-codec/field-composer.ts";
import { FieldScratch } from "../../field-codec/field-scratch.ts";
import type { FieldSink } from "../../field-codec/field-view.ts";
import { IntegerReader } from "../../field-codec/integer.ts";
import { BlockedStreams } from "./blocked-streams.ts";
import { EncoderStreamReader } from "./encoder-stream-reader.ts";
import { decodeInsertCount } from "./insert-count.ts";
import {
  INCREMENT_MASK,
  SECTION_ACKNOWLEDGMENT,
  SECTION_ACKNOWLEDGMENT_MASK,
  STREAM_CANCELLATION,
  STREAM_CANCELLATION_MASK,
} from "./instruction.ts";
import { InstructionQueue } from "./instruction-queue.ts";
import { MAX_LONG_INTEGER_BYTES, writeLongInteger } from "./long-integer.ts";
import { QpackCode, QpackOutcome } from "./qpack-code.ts";
import { MAX_FEEDBACK_BYTES, type QpackDecoderLimits } from "./qpack-limits.ts";
import {
  BASE_MASK,
  BASE_SIGN,
  COUNT_MASK,
  INDEXED,
  INDEXED_MASK,
  INDEXED_STATIC,
  LITERAL,
  LITERAL_MASK,
  LITERAL_NEVER,
  NAMED,
  NAMED_MASK,
  NAMED_NEVER,
  NAMED_STATIC,
  POST_BASE,
  POST_BASE_MASK,
  POST_BASE_NAMED_MASK,
  POST_BASE_NAMED_NEVER,
  VALUE_MASK,
} from "./representation.ts";
import { STATIC_FIELDS, STATIC_LINES } from "./static-table.ts";

const BAD_INTEGER = "an integer is cut or too large";
const BAD_COUNT = "a Required Insert Count that cannot be";
const BAD_BASE = "a Base below zero";
const BAD_INDEX = "an index that is in no table";
const BAD_STRING = "a string is cut, or its Huffman code is wrong";
const TOO_MANY_BLOCKED = "more blocked streams than we allow";
const UNREAD = "the peer does not read our decoder stream";

export class QpackDecoder {
  /** After an error: what was wrong, for the log, and the code to end the connection with. */
  reason = "";
  code: QpackCode = QpackCode.none;
  /** Size of the last section, as SETTINGS_MAX_FIELD_SECTION_SIZE counts, and its number of fields. */
  sectionBytes = 0;
  fieldCount = 0;
  /** To be sent on our decoder stream (stream type 0x03); it may hold something after each call. Always empty without a dynamic table. */
  readonly feedback: InstructionQueue = new InstructionQueue();

  readonly #limits: QpackDecoderLimits;
  readonly #composer: FieldComposer;
  readonly #encoderStream: EncoderStreamReader;
  readonly #integer: IntegerReader = new IntegerReader();
  readonly #blocked: BlockedStreams = new BlockedStreams();
  #outcome: QpackOutcome = QpackOutcome.complete;
  /** Of the section that is being decoded. */
  #requiredCount = 0;
  #base = 0;

  /** Decoders that share `scratch` must not be called from each other's sinks. */
  constructor(limits: QpackDecoderLimits, scratch: FieldScratch = new FieldScratch()) {
    this.#limits = limits;
    this.#composer = new FieldComposer(scratch);
    this.#encoderStream = new EncoderStreamReader(limits.maxTableBytes, scratch);
  }

  /**
   * Octets of the peer's encoder stream, behind its stream type, cut anywhere. False: the decoder has
   * failed, see `code`. `nextUnblocked` may name streams afterwards.
   */
  receiveEncoderStream(bytes: Buffer, start: number, end: number): boolean {
    if (this.code !== QpackCode.none) return false;
    const stream = this.#encoderStream;
    const before = stream.insertCount;
    if (!stream.receive(bytes, start, end)) this.#end(QpackCode.encoderStreamError, stream.reason);
    else if (stream.insertCount > before) this.#tell(stream.insertCount - before, INCREMENT_MASK, 0);
    return this.code === QpackCode.none;
  }

  /** A stream whose section can be decoded now, and which counts as blocked no longer; -1: there is none. */
  nextUnblocked(): number {
    return this.code === QpackCode.none ? this.#blocked.take(this.#encoderStream.insertCount) : -1;
  }

  /**
   * Decodes the whole field section in `bytes[start, end)`: the payload of a HEADERS frame, with a head or
   * with trailers. One section of a stream at a time: while one is blocked, no other of its stream is given.
   * After `error` the decoder is of no more use.
   */
  decode(streamId: number, bytes: Buffer, start: number, end: number, sink: FieldSink): QpackOutcome {
    if (this.code !== QpackCode.none) return QpackOutcome.error;
    this.#outcome = QpackOutcome.complete;
    this.sectionBytes = 0;
    this.fieldCount = 0;
    if (this.#blocked.size > 0) this.#blocked.remove(streamId);
    let pos = this.#readPrefix(bytes, start, end);
    if (this.#requiredCount > this.#encoderStream.insertCount) return this.#block(streamId);
    const { field } = this.#composer;
    while (pos < end) {
      pos = this.#readLine(bytes, pos, end);
      if (this.#outcome !== QpackOutcome.complete) break;
      sink.onField(field);
    }
    return this.#finish(streamId);
  }

  /** A request stream was reset, or is read no longer, before its end (RFC 9204 section 2.2.2.2). */
  cancel(streamId: number): void {
    if (this.#limits.maxTableBytes === 0 || this.code !== QpackCode.none) return;
    this.#blocked.remove(streamId);
    this.#tell(streamId, STREAM_CANCELLATION_MASK, STREAM_CANCELLATION);
  }

  /** Required Insert Count and Base; returns the offset of the first line. */
  #readPrefix(bytes: Buffer, start: number, end: number): number {
    this.#requiredCount = 0;
    let pos = start < end ? this.#integer.read(bytes, start, end, COUNT_MASK) : -1;
    if (pos === -1 || pos === end) return this.#fail(BAD_INTEGER, end);
    const { insertCount } = this.#encoderStream;
    const required = decodeInsertCount(this.#integer.value, insertCount, this.#limits.maxTableBytes);
    if (required === -1) return this.#fail(BAD_COUNT, end);
    const negative = (bytes[pos] as number) >= BASE_SIGN;
    pos = this.#integer.read(bytes, pos, end, BASE_MASK);
    if (pos === -1) return this.#fail(BAD_INTEGER, end);
    const difference = this.#integer.value;
    this.#base = negative ? required - difference - 1 : required + difference;
    if (this.#base < 0) return this.#fail(BAD_BASE, end);
    this.#requiredCount = required;
    return pos;
  }

  #block(streamId: number): QpackOutcome {
    if (this.#blocked.size >= this.#limits.maxBlockedStreams) {
      this.#fail(TOO_MANY_BLOCKED, 0);
      return this.#outcome;
    }
    this.#blocked.add(streamId, this.#requiredCount);
    return QpackOutcome.blocked;
  }

  /** What was refused for its size was processed all the same (RFC 9204 section 2.2.2.1). */
  #finish(streamId: number): QpackOutcome {
    this.#composer.release();
    if (this.#requiredCount > 0 && this.#outcome !== QpackOutcome.error)
      this.#tell(streamId, SECTION_ACKNOWLEDGMENT_MASK, SECTION_ACKNOWLEDGMENT);
    return this.#outcome;
  }

  /** Shows the field of a line, and counts it; returns the offset behind it. */
  #readLine(bytes: Buffer, start: number, end: number): number {
    const first = bytes[start] as number;
    if (first >= INDEXED) return this.#readIndexed(bytes, start, end, INDEXED_MASK);
    if (first >= NAMED) return this.#readNamed(bytes, start, end, NAMED_MASK);
    if (first >= LITERAL) return this.#readLiteral(bytes, start, end);
    if (first >= POST_BASE) return this.#readIndexed(bytes, start, end, POST_BASE_MASK);
    return this.#readNamed(bytes, start, end, POST_BASE_NAMED_MASK);
  }

  #readIndexed(bytes: Buffer, start: number, end: number, mask: number): number {
    const postBase = mask === POST_BASE_MASK;
    const isStatic = !postBase && ((bytes[start] as number) & INDEXED_STATIC) !== 0;
    const pos = this.#integer.read(bytes, start, end, mask);
    if (pos === -1) return this.#fail(BAD_INTEGER, end);
    if (!this.#find(isStatic, postBase)) return this.#fail(BAD_INDEX, end);
    this.#composer.field.neverIndexed = false;
    this.#count();
    return pos;
  }

  #readNamed(bytes: Buffer, start: number, end: number, mask: number): number {
    const first = bytes[start] as number;
    const postBase = mask === POST_BASE_NAMED_MASK;
    const isStatic = !postBase && (first & NAMED_STATIC) !== 0;
    const pos = this.#integer.read(bytes, start, end, mask);
    if (pos === -1) return this.#fail(BAD_INTEGER, end);
    if (!this.#find(isStatic, postBase)) return this.#fail(BAD_INDEX, end);
    this.#composer.field.neverIndexed = (first & (postBase ? POST_BASE_NAMED_NEVER : NAMED_NEVER)) !== 0;
    return this.#readValue(bytes, pos, end, false);
  }

  #readLiteral(bytes: Buffer, start: number, end: number): number {
    const composer = this.#composer;
    const pos = composer.name.read(bytes, start, end, LITERAL_MASK);
    if (pos === -1) return this.#fail(BAD_STRING, end);
    composer.field.neverIndexed = ((bytes[start] as number) & LITERAL_NEVER) !== 0;
    return this.#readValue(bytes, pos, end, true);
  }

  /** The value of a literal, whose name is its own or that of the entry which is shown. */
  #readValue(bytes: Buffer, start: number, end: number, ownName: boolean): number {
    const composer = this.#composer;
    const pos = composer.value.read(bytes, start, end, VALUE_MASK);
    if (pos === -1 || !composer.compose(bytes, ownName)) return this.#fail(BAD_STRING, end);
    this.#count();
    return pos;
  }

  /** Shows the entry whose index was read; false when there is none, or none that the section may refer to. */
  #find(isStatic: boolean, postBase: boolean): boolean {
    const index = this.#integer.value;
    if (isStatic) {
      if (index >= STATIC_FIELDS.length) return false;
      this.#composer.showStatic(STATIC_LINES, index);
      return true;
    }
    const { table, insertCount } = this.#encoderStream;
    const absolute = postBase ? this.#base + index : this.#base - 1 - index;
    const age = insertCount - 1 - absolute;
    if (absolute < 0 || absolute >= this.#requiredCount || age >= table.count) return false;
    this.#composer.showEntry(table, (table.newest - age) | 0);
    return true;
  }

  /** Counts the field that is shown. Nothing depends on what follows one too many, so decoding stops there. */
  #count(): void {
    const { maxFieldSectionBytes, maxFields } = this.#limits;
    this.sectionBytes += this.#composer.sizeBytes();
    this.fieldCount++;
    if (this.sectionBytes > maxFieldSectionBytes || this.fieldCount > maxFields)
      this.#outcome = QpackOutcome.tooLarge;
  }

  /** Puts an instruction into `feedback`. */
  #tell(value: number, mask: number, flags: number): void {
    const { feedback } = this;
    feedback.reserve(MAX_LONG_INTEGER_BYTES);
    feedback.length = writeLongInteger(feedback.bytes, feedback.length, value, mask, flags);
    if (feedback.length > MAX_FEEDBACK_BYTES) this.#end(QpackCode.excessiveLoad, UNREAD);
  }

  #fail(reason: string, end: number): number {
    this.#end(QpackCode.decompressionFailed, reason);
    return end;
  }

  #end(code: QpackCode, reason: string): void {
    this.code = code;
    this.reason = reason;
    this.#outcome = QpackOutcome.error;
  }
}
