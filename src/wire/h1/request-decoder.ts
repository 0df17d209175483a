/**
 * Decodes the requests of one HTTP/1.1 connection (RFC 9112): bytes in, events out. Strict and bounded:
 * what two parsers could read in two ways ends in a fault, and nothing grows past `H1Limits`.
 *
 * Called by the HTTP/1 downstream for every batch of bytes that it receives:
 *
 *   decoder.begin(head)
 *   do { start = decoder.next(bytes, start, end) ... } while (decoder.event !== needMore)
 *
 * The bytes belong to the caller again when `next` returns; `head` belongs to the caller from the
 * `head` event on. Host, Content-Length and Transfer-Encoding go into the head and are not among its
 * fields; each writer makes them anew.
 *
 *   ready --begin--> start -> line -> fields --(head)--> body --(end)--> ready
 *   any state --(error)--> failed
 */
import "../../base/latin1.ts";
import { assert } from "../../base/assert.ts";
import { Fault, type FaultCode } from "../../base/fault.ts";
import { equalsLower, FIELD_NAMES, FieldId } from "../http/field-id.ts";
import type { Fields } from "../http/fields.ts";
import { hasElement } from "../http/list.ts";
import { HttpVersion, RequestHead, UNKNOWN_LENGTH } from "../http/message.ts";
import { SLASH, SP, TOKEN_OCTETS } from "../http/octets.ts";
import { CLOSE, KEEP_ALIVE, optionsOf, UPGRADE } from "./connection-options.ts";
import { EmptyLines } from "./empty-lines.ts";
import { REQUEST_FAULTS } from "./fault-codes.ts";
import { FieldSection, FieldUse, SectionEvent } from "./field-section.ts";
import { Framing } from "./framing.ts";
import { H1Event } from "./h1-event.ts";
import { type H1Limits, type H1RequestPolicy, MAX_METHOD_BYTES, MAX_TARGET_SHARE } from "./h1-limits.ts";
import { MessageBody } from "./message-body.ts";
import { methodOf } from "./method.ts";
import { PartialLine } from "./partial-line.ts";
import { ReaderMemory } from "./reader-memory.ts";
import { RequestOpening } from "./request-opening.ts";
import { RequestLine } from "./request-line.ts";
import { readOtherTarget } from "./request-target.ts";
import { StartLine, StartLineOutcome } from "./start-line.ts";

export type { H1Limits, H1RequestPolicy } from "./h1-limits.ts";

const State = { ready: 0, start: 1, line: 2, fields: 3, body: 4, failed: 5 } as const;
type State = (typeof State)[keyof typeof State];

const HEAD_USES: Uint8Array = new Uint8Array(FIELD_NAMES.length);
HEAD_USES[FieldId.host] = FieldUse.take;
HEAD_USES[FieldId.contentLength] = FieldUse.take;
HEAD_USES[FieldId.transferEncoding] = FieldUse.take;
HEAD_USES[FieldId.connection] = FieldUse.show;
HEAD_USES[FieldId.upgrade] = FieldUse.show;
HEAD_USES[FieldId.expect] = FieldUse.show;
HEAD_USES[FieldId.te] = FieldUse.show;

const CONTINUE: Uint8Array = Buffer.from("100-continue", "latin1");
const TRAILERS: Uint8Array = Buffer.from("trailers", "latin1");

export class RequestDecoder {
  /** Given by `begin`. */
  head: RequestHead = new RequestHead();
  /** What the last `next` or `finish` found. */
  event: H1Event = H1Event.needMore;
  /** The part of the body that a `body` event is about, in the bytes given to `next`. */
  bodyStart = 0;
  bodyEnd = 0;
  /** Valid after an `error` event. */
  fault: Fault = new Fault("internal", "no fault");
  /** Valid at an `end` event, until the next message's body begins. */
  readonly trailers: Fields;

  readonly #limits: H1Limits;
  readonly #scheme: string;
  readonly #requireHost: boolean;
  readonly #maxTargetBytes: number;
  readonly #partial: PartialLine = new PartialLine();
  readonly #emptyLines: EmptyLines = new EmptyLines();
  readonly #line: RequestLine = new RequestLine();
  readonly #startLine: StartLine;
  readonly #section: FieldSection;
  readonly #opening: RequestOpening;
  readonly #framing: Framing;
  readonly #body: MessageBody;
  #state: State = State.ready;
  /** Options that the Connection fields named. */
  #options = 0;
  #expectContinue = false;

  /** `memory`: decoders that read from the same buffers share one. */
  constructor(limits: H1Limits, policy: H1RequestPolicy, memory: ReaderMemory = new ReaderMemory()) {
    const underscores = policy.strictTe ? "reject" : policy.headerUnderscorePolicy;
    this.#limits = limits;
    this.#scheme = policy.scheme ?? "";
    this.#requireHost = policy.requireHost ?? true;
    this.#maxTargetBytes = Math.floor(limits.maxHeaderBytes * MAX_TARGET_SHARE);
    this.#startLine = new StartLine(this.#partial, this.#line, limits.maxHeaderBytes);
    this.#section = new FieldSection(this.#partial, {
      uses: HEAD_USES,
      underscores,
      maxFields: limits.maxHeaders,
      memory,
      codes: REQUEST_FAULTS,
    });
    this.#opening = new RequestOpening(this.#startLine, this.#line, this.#section);
    this.#framing = new Framing(REQUEST_FAULTS, policy.strictTe);
    this.#body = new MessageBody(this.#partial, limits, { codes: REQUEST_FAULTS, underscores, memory });
    this.trailers = this.#body.trailers;
  }

  /** Makes ready for the next message of the connection, whose head goes into `head`. Only between messages. */
  begin(head: RequestHead): void {
    assert(this.idle, "begin() inside a request");
    head.clear();
    this.head = head;
    this.#emptyLines.begin();
    this.#opening.begin();
    this.#options = 0;
    this.#expectContinue = false;
    this.#state = State.start;
  }

  /** Forgets the connection, in whatever state it is: for a decoder that serves another one. */
  reset(): void {
    this.#partial.release();
    this.#body.reset();
    this.#state = State.ready;
  }

  /** No octet of the next message has come (empty lines before it do not count). */
  get idle(): boolean {
    return this.#state === State.ready || this.#state === State.start;
  }

  /** The message has ended, and the next call of `next` says so without needing another byte. */
  get endPending(): boolean {
    return this.#state === State.body && this.#body.endPending;
  }

  /**
   * Reads from `bytes[start, end)`, sets `event`, and returns the new start; never looks outside. After
   * `error`, every call reports it again.
   */
  next(bytes: Buffer, start: number, end: number): number {
    switch (this.#state) {
      case State.body:
        return this.#nextBody(bytes, start, end);
      case State.start:
        return this.#nextStart(bytes, start, end);
      case State.line:
        return this.#nextLine(bytes, start, end);
      case State.fields:
        return this.#nextFields(bytes, start, end);
      case State.failed:
        this.event = H1Event.error;
        return start;
      case State.ready:
        assert(false, "next() without begin()");
    }
  }

  /** The peer ended the connection: `needMore` if that was between messages, else `error`. */
  finish(): H1Event {
    if (this.idle) {
      this.event = H1Event.needMore;
    } else if (this.#state === State.body) {
      this.event = this.#body.finish();
      if (this.event === H1Event.end) this.#state = State.ready;
      else this.#failWith(this.#body.fault as Fault, 0);
    } else if (this.#state !== State.failed) {
      this.#fail(REQUEST_FAULTS.truncatedHead, "the connection ended inside the head", 0);
    }
    return this.event;
  }

  #nextStart(bytes: Buffer, start: number, end: number): number {
    const lines = this.#emptyLines;
    const atOnce = start < end && !lines.mayBegin(bytes, start);
    const pos = atOnce ? start : lines.skip(bytes, start, end);
    if (pos === -1) return this.#fail("bad_request", "a request begins with neither method nor CRLF", start);
    if (pos === end) {
      this.event = H1Event.needMore;
      return pos;
    }
    // Told at once, as what follows need never hold an LF: a TLS ClientHello, say.
    if (TOKEN_OCTETS[bytes[pos] as number] !== 1) return this.#fail("bad_request", "not a method", pos);
    this.#state = State.line;
    return this.#nextLine(bytes, pos, end);
  }

  #nextLine(bytes: Buffer, start: number, end: number): number {
    const startLine = this.#startLine;
    const pos = startLine.read(bytes, start, end);
    switch (startLine.outcome) {
      case StartLineOutcome.needMore:
        this.event = H1Event.needMore;
        return pos;
      case StartLineOutcome.malformed:
        return this.#fail(this.#line.isForeign ? "not_http" : "bad_request", this.#line.detail, pos);
      case StartLineOutcome.tooLong:
        return this.#lineTooLong(bytes, start, end);
      case StartLineOutcome.parsed: {
        const lineBytes = startLine.pieced ? this.#partial.bytes : bytes;
        const fault = this.#takeLine(lineBytes, startLine.start);
        return fault === null ? this.#beginFields(bytes, pos, end) : this.#failWith(fault, pos);
      }
    }
  }

  /** Fills the head from the request line that was parsed in `bytes` at `start`. */
  #takeLine(bytes: Buffer, start: number): Fault | null {
    const line = this.#line;
    const head = this.head;
    if (line.methodEnd - start > MAX_METHOD_BYTES) return new Fault("bad_request", "method too long");
    if (line.version < 10 || line.version > 19) return new Fault("unsupported_version", "not HTTP/1");
    head.version = line.version === 10 ? HttpVersion.http10 : HttpVersion.http11;
    head.method = methodOf(bytes, start, line.methodEnd);
    if (line.targetEnd - line.targetStart > this.#maxTargetBytes) return new Fault("target_too_long");
    if (head.method === "CONNECT") return new Fault("unsupported_method", "CONNECT");
    if (bytes[line.targetStart] === SLASH) return null;
    const fault = readOtherTarget(head, bytes, line.targetStart, line.targetEnd, this.#scheme);
    this.#opening.absoluteTarget = head.authority !== "";
    return fault;
  }

  /** The line fills the whole budget: the target's fault if a method of a possible length came first. */
  #lineTooLong(bytes: Buffer, start: number, end: number): number {
    const held = this.#partial.length;
    const limit = Math.min(MAX_METHOD_BYTES + 1, held + end - start);
    for (let i = 0; i < limit; i++) {
      const octet = i < held ? this.#partial.bytes[i] : bytes[start + i - held];
      if (octet === SP) return this.#fail("target_too_long", "request line over the head's limit", start);
    }
    return this.#fail("bad_request", "method too long", start);
  }

  #beginFields(bytes: Buffer, start: number, end: number): number {
    const { head } = this;
    const startLine = this.#startLine;
    this.#framing.begin(head.version);
    this.#section.begin(head.fields, this.#limits.maxHeaderBytes - startLine.length);
    this.#opening.keepLine(head, startLine.pieced ? this.#partial.bytes : bytes);
    this.#state = State.fields;
    return this.#nextFields(bytes, start, end);
  }

  #nextFields(bytes: Buffer, start: number, end: number): number {
    const section = this.#section;
    let pos = start;
    for (;;) {
      pos = section.read(bytes, pos, end);
      switch (section.event) {
        case SectionEvent.field: {
          const fault = this.#takeField(section.lineIn(bytes), pos);
          if (fault === null) break;
          section.endRun(bytes, pos);
          return this.#failWith(fault, pos);
        }
        case SectionEvent.needMore:
          this.event = H1Event.needMore;
          return pos;
        case SectionEvent.end:
          return this.#endHead(pos);
        case SectionEvent.error:
          return this.#failWith(section.fault as Fault, pos);
      }
    }
  }

  /** A field that means something to the codec; its line ends at `lineEnd` of the bytes that are being read. */
  #takeField(line: Buffer, lineEnd: number): Fault | null {
    const { id, valueStart, valueEnd } = this.#section;
    switch (id) {
      case FieldId.host:
        return this.#opening.takeHost(this.head, line, lineEnd);
      case FieldId.contentLength:
        return this.#framing.contentLength(line, valueStart, valueEnd);
      case FieldId.transferEncoding:
        return this.#framing.transferEncoding(line, valueStart, valueEnd);
      case FieldId.connection:
        this.#options |= optionsOf(line, this.#section.viewOf(line), valueStart, valueEnd);
        return null;
      case FieldId.upgrade:
        this.#takeUpgrade(line, valueStart, valueEnd);
        return null;
      case FieldId.te:
        if (hasElement(line, valueStart, valueEnd, TRAILERS)) this.head.acceptsTrailers = true;
        return null;
      case FieldId.expect:
        if (!equalsLower(line, valueStart, valueEnd, CONTINUE)) return new Fault("expectation_failed");
        this.#expectContinue = true;
        return null;
    }
    return null;
  }

  #takeUpgrade(line: Buffer, start: number, end: number): void {
    const value = line.latin1Slice(start, end).toLowerCase();
    this.head.upgrade = this.head.upgrade === "" ? value : `${this.head.upgrade}, ${value}`;
  }

  #endHead(pos: number): number {
    const head = this.head;
    const framing = this.#framing;
    this.#partial.release();
    const isHttp11 = head.version === HttpVersion.http11;
    if (isHttp11 && !this.#opening.hasHost && this.#requireHost)
      return this.#fail("bad_authority", "no Host", pos);
    const fault = framing.end();
    if (fault !== null) return this.#failWith(fault, pos);
    const options = this.#options;
    head.bodyLength = framing.chunked ? UNKNOWN_LENGTH : Math.max(0, framing.length);
    head.keepAlive = (options & CLOSE) === 0 && (isHttp11 || (options & KEEP_ALIVE) !== 0);
    // HTTP/1.0 knows neither Upgrade nor expectations (RFC 9110 sections 7.8 and 10.1.1).
    if (!isHttp11 || (options & UPGRADE) === 0) head.upgrade = "";
    head.expectContinue = isHttp11 && this.#expectContinue && head.bodyLength !== 0;
    if (framing.chunked) this.#body.beginChunked();
    else this.#body.beginLength(head.bodyLength);
    this.#state = State.body;
    this.event = H1Event.head;
    return pos;
  }

  #nextBody(bytes: Buffer, start: number, end: number): number {
    const body = this.#body;
    const pos = body.next(bytes, start, end);
    this.event = body.event;
    this.bodyStart = body.bodyStart;
    this.bodyEnd = body.bodyEnd;
    if (body.event === H1Event.end) this.#state = State.ready;
    else if (body.event === H1Event.error) this.#failWith(body.fault as Fault, pos);
    return pos;
  }

  #fail(code: FaultCode, detail: string, pos: number): number {
    return this.#failWith(new Fault(code, detail), pos);
  }

  #failWith(fault: Fault, pos: number): number {
    // The fields of a head that failed may be half read; the target stays for the log.
    if (this.#state === State.fields) this.head.fields.removeEvery();
    this.#partial.release();
    this.fault = fault;
    this.#state = State.failed;
    this.event = H1Event.error;
    return pos;
  }
}
