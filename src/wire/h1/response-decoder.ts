/**
 * Decodes the responses of one HTTP/1.1 connection to a backend (RFC 9112), as strictly as requests:
 * a backend that breaks the framing gets its connection closed and the client a 502.
 *
 * Called by the HTTP/1 upstream, which begins it for each request that it has sent:
 *
 *   decoder.begin(head, "GET")
 *   do { start = decoder.next(bytes, start, end) ... } while (decoder.event !== needMore)
 *
 * An informational response (1xx) is a `head` event of its own, without body and `end`: the next call
 * of `next` clears the same head and reads the following response into it. A 101 ends HTTP: what comes
 * behind it is the other protocol's, and the decoder must not be called again.
 *
 *   ready --begin--> start -> line -> fields --(head)--> body --(end)--> ready
 *                      ^                |--(1xx head)--> informational --.
 *                      '------------------------------------------------'
 *   any state --(error)--> failed
 */
import "../../base/latin1.ts";
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import { FIELD_NAMES, FieldId } from "../http/field-id.ts";
import type { Fields } from "../http/fields.ts";
import { HttpVersion, ResponseHead, UNKNOWN_LENGTH } from "../http/message.ts";
import { CLOSE, KEEP_ALIVE, optionsOf, UPGRADE } from "./connection-options.ts";
import { EmptyLines } from "./empty-lines.ts";
import { RESPONSE_FAULTS } from "./fault-codes.ts";
import { FieldSection, FieldUse, SectionEvent } from "./field-section.ts";
import { Framing } from "./framing.ts";
import { H1Event } from "./h1-event.ts";
import { type H1Limits, MAX_INFORMATIONAL } from "./h1-limits.ts";
import { MessageBody } from "./message-body.ts";
import { PartialLine } from "./partial-line.ts";
import { ReaderMemory } from "./reader-memory.ts";
import { StartLine, StartLineOutcome } from "./start-line.ts";
import { StatusLine } from "./status-line.ts";

const State = {
  ready: 0,
  start: 1,
  line: 2,
  fields: 3,
  body: 4,
  informational: 5,
  switched: 6,
  failed: 7,
} as const;
type State = (typeof State)[keyof typeof State];

const HEAD_USES: Uint8Array = new Uint8Array(FIELD_NAMES.length);
HEAD_USES[FieldId.contentLength] = FieldUse.take;
HEAD_USES[FieldId.transferEncoding] = FieldUse.take;
HEAD_USES[FieldId.connection] = FieldUse.show;
HEAD_USES[FieldId.upgrade] = FieldUse.show;

/** The first octet of `HTTP/`. */
const H = 0x48;
const MIN_STATUS = 100;

export class ResponseDecoder {
  /** Given by `begin`. */
  head: ResponseHead = new ResponseHead();
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
  readonly #partial: PartialLine = new PartialLine();
  readonly #emptyLines: EmptyLines = new EmptyLines();
  readonly #line: StatusLine = new StatusLine();
  readonly #startLine: StartLine;
  readonly #section: FieldSection;
  readonly #framing: Framing = new Framing(RESPONSE_FAULTS, false);
  readonly #body: MessageBody;
  #state: State = State.ready;
  #isHead = false;
  #informationalCount = 0;
  /** Options that the Connection fields named. */
  #options = 0;

  /** `memory`: decoders that read from the same buffers share one. */
  constructor(limits: H1Limits, memory: ReaderMemory = new ReaderMemory()) {
    this.#limits = limits;
    this.#startLine = new StartLine(this.#partial, this.#line, limits.maxHeaderBytes);
    this.#section = new FieldSection(this.#partial, {
      uses: HEAD_USES,
      underscores: "allow",
      maxFields: limits.maxHeaders,
      memory,
      codes: RESPONSE_FAULTS,
    });
    this.#body = new MessageBody(this.#partial, limits, {
      codes: RESPONSE_FAULTS,
      underscores: "allow",
      memory,
    });
    this.trailers = this.#body.trailers;
  }

  /** Makes ready for the response to a request with this method, whose head goes into `head`. Only between messages. */
  begin(head: ResponseHead, requestMethod: string): void {
    assert(this.idle, "begin() inside a response");
    this.head = head;
    this.#isHead = requestMethod === "HEAD";
    this.#informationalCount = 0;
    this.#beginHead();
  }

  /** Forgets the connection, in whatever state it is: for a decoder that serves another one. */
  reset(): void {
    this.#partial.release();
    this.#body.reset();
    this.#state = State.ready;
  }

  /** No octet of the awaited response has come, or none is awaited. */
  get idle(): boolean {
    if (this.#state === State.start) return this.#informationalCount === 0;
    return this.#state === State.ready;
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
      case State.informational:
        this.#beginHead();
        return this.#nextStart(bytes, start, end);
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
      case State.switched:
        assert(false, "next() without begin(), or after a 101");
    }
  }

  /**
   * The backend ended the connection: `needMore` when no response is awaited, `end` when that is how
   * the body ends, else `error` (`idle`, asked before, tells whether anything of the response came).
   */
  finish(): H1Event {
    if (this.#state === State.ready || this.#state === State.switched) {
      this.event = H1Event.needMore;
    } else if (this.#state === State.body) {
      this.event = this.#body.finish();
      if (this.event === H1Event.end) this.#state = State.ready;
      else this.#failWith(this.#body.fault as Fault, 0);
    } else if (this.#state !== State.failed) {
      const where = this.idle ? "before the response" : "inside the head";
      this.#failWith(new Fault(RESPONSE_FAULTS.truncatedHead, `the connection ended ${where}`), 0);
    }
    return this.event;
  }

  #beginHead(): void {
    this.head.clear();
    this.#emptyLines.begin();
    this.#options = 0;
    this.#state = State.start;
  }

  #nextStart(bytes: Buffer, start: number, end: number): number {
    const lines = this.#emptyLines;
    const atOnce = start < end && !lines.mayBegin(bytes, start);
    const pos = atOnce ? start : lines.skip(bytes, start, end);
    if (pos === -1) return this.#malformed("no status line", start);
    if (pos === end) {
      this.event = H1Event.needMore;
      return pos;
    }
    if (bytes[pos] !== H) return this.#malformed("no status line", pos);
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
        return this.#malformed(this.#line.detail, pos);
      case StartLineOutcome.tooLong:
        return this.#malformed("status line over the head's limit", pos);
      case StartLineOutcome.parsed:
        return this.#beginFields(bytes, pos, end);
    }
  }

  #beginFields(bytes: Buffer, start: number, end: number): number {
    const line = this.#line;
    const head = this.head;
    if (line.version < 10 || line.version > 19) return this.#malformed("not HTTP/1", start);
    if (line.status < MIN_STATUS) return this.#malformed("status below 100", start);
    head.version = line.version === 10 ? HttpVersion.http10 : HttpVersion.http11;
    head.status = line.status;
    this.#framing.begin(head.version);
    this.#section.begin(head.fields, this.#limits.maxHeaderBytes - this.#startLine.length);
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
          const fault = this.#takeField(section.lineIn(bytes));
          if (fault !== null) return this.#failWith(fault, pos);
          break;
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

  /** A field that means something to the codec. */
  #takeField(line: Buffer): Fault | null {
    const { id, valueStart, valueEnd } = this.#section;
    switch (id) {
      case FieldId.contentLength:
        return this.#framing.contentLength(line, valueStart, valueEnd);
      case FieldId.transferEncoding:
        return this.#framing.transferEncoding(line, valueStart, valueEnd);
      case FieldId.connection:
        this.#options |= optionsOf(line, this.#section.viewOf(line), valueStart, valueEnd);
        return null;
      case FieldId.upgrade:
        this.head.upgrade = line.latin1Slice(valueStart, valueEnd).toLowerCase();
        return null;
    }
    return null;
  }

  #endHead(pos: number): number {
    const head = this.head;
    const options = this.#options;
    this.#partial.release();
    const fault = this.#framing.end();
    if (fault !== null) return this.#failWith(fault, pos);
    if ((options & UPGRADE) === 0) head.upgrade = "";
    head.keepAlive =
      (options & CLOSE) === 0 && (head.version === HttpVersion.http11 || (options & KEEP_ALIVE) !== 0);
    if (head.status < 200) return this.#endInformational(pos);
    this.#beginBody();
    this.#state = State.body;
    this.event = H1Event.head;
    return pos;
  }

  #endInformational(pos: number): number {
    const head = this.head;
    head.hasBody = false;
    if (head.status === 101) {
      head.keepAlive = false;
      this.#state = State.switched;
    } else {
      head.upgrade = "";
      this.#informationalCount++;
      if (this.#informationalCount > MAX_INFORMATIONAL) return this.#malformed("too many 1xx", pos);
      this.#state = State.informational;
    }
    this.event = H1Event.head;
    return pos;
  }

  /** RFC 9112 section 6.3, in its order. */
  #beginBody(): void {
    const head = this.head;
    const { chunked, length } = this.#framing;
    if (this.#isHead || head.status === 204 || head.status === 304) {
      head.hasBody = false;
      head.declaredLength = length !== -1 && head.status !== 204;
      if (head.declaredLength) head.bodyLength = length;
      // A 204 that announces content may be followed by it (RFC 9110 section 15.3.5): not to be reused.
      if (head.status === 204 && (chunked || length > 0)) head.keepAlive = false;
      this.#body.beginLength(0);
    } else if (chunked) {
      head.bodyLength = UNKNOWN_LENGTH;
      this.#body.beginChunked();
    } else if (length !== -1) {
      head.bodyLength = length;
      this.#body.beginLength(length);
    } else {
      head.bodyLength = UNKNOWN_LENGTH;
      head.keepAlive = false;
      this.#body.beginUntilClose();
    }
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

  #malformed(detail: string, pos: number): number {
    return this.#failWith(new Fault(RESPONSE_FAULTS.syntax, detail), pos);
  }

  #failWith(fault: Fault, pos: number): number {
    // The fields of a head that failed may be half read.
    if (this.#state === State.fields) this.head.fields.clear();
    this.#partial.release();
    this.fault = fault;
    this.#state = State.failed;
    this.event = H1Event.error;
    return pos;
  }
}
