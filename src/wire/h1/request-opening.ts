/**
 * The opening of a request, that is its request line and its Host (RFC 9112 sections 3 and 3.2): what
 * they mean goes into the head, and the line goes with the fields into their store. There the target
 * stays, and an opening that came in the form in which the encoder writes it is copied from there.
 * Used by the request decoder.
 */
import "../../base/latin1.ts";
import { Fault } from "../../base/fault.ts";
import { equalOctets } from "../field-codec/octet-words.ts";
import { isAuthority, MAX_AUTHORITY_BYTES } from "../http/authority.ts";
import type { RequestHead } from "../http/message.ts";
import type { FieldSection } from "./field-section.ts";
import type { RequestLine } from "./request-line.ts";
import type { StartLine } from "./start-line.ts";

/** How the gateway writes the name of Host, with what follows it. */
const HOST_NAME = Buffer.from("Host: ", "latin1");
const HOST = HOST_NAME.readInt32LE(0);
const COLON_SP = HOST_NAME.readInt16LE(4);
const CRLF_BYTES = 2;

export class RequestOpening {
  hasHost = false;
  /** The target names the authority. */
  absoluteTarget = false;
  readonly #startLine: StartLine;
  readonly #line: RequestLine;
  readonly #section: FieldSection;
  /** Where the request line ends in the store of the fields. */
  #lineEnd = 0;
  /** The authority of the last request, whose next one nearly always has the same; also as octets, to compare with. */
  #lastAuthority = "";
  readonly #lastOctets: Buffer = Buffer.allocUnsafeSlow(MAX_AUTHORITY_BYTES);
  readonly #lastView = new DataView(this.#lastOctets.buffer);

  constructor(startLine: StartLine, line: RequestLine, section: FieldSection) {
    this.#startLine = startLine;
    this.#line = line;
    this.#section = section;
  }

  begin(): void {
    this.hasHost = false;
    this.absoluteTarget = false;
  }

  /** The section has begun: keeps the request line, which was parsed in `bytes`, and a target in origin form. */
  keepLine(head: RequestHead, bytes: Buffer): void {
    const { start, length, pieced } = this.#startLine;
    const line = this.#line;
    const shift = this.#section.lead(bytes, start, start + length, !pieced);
    this.#lineEnd = start + length + shift;
    if (head.targetEnd !== 0) return;
    head.setTarget(line.targetStart + shift, line.queryStart + shift, line.targetEnd + shift);
  }

  /** The section shows a Host in `line`, which ends at `lineEnd` of the bytes that are being read. */
  takeHost(head: RequestHead, line: Buffer, lineEnd: number): Fault | null {
    const { valueStart, valueEnd } = this.#section;
    if (this.hasHost) return new Fault("bad_authority", "more than one Host");
    this.hasHost = true;
    const known = this.#isLast(line, valueStart, valueEnd);
    if (!known && !isAuthority(line, valueStart, valueEnd)) return new Fault("bad_authority", "Host");
    // The target's authority wins over Host (RFC 9112 section 3.2.2).
    if (this.absoluteTarget) return null;
    if (!known) this.#keep(line, valueStart, valueEnd);
    head.authority = this.#lastAuthority;
    if (valueEnd + CRLF_BYTES === lineEnd) this.#note(head, line, lineEnd);
    return null;
  }

  #isLast(line: Buffer, start: number, end: number): boolean {
    const { length } = this.#lastAuthority;
    if (end - start !== length || length === 0) return false;
    return equalOctets(this.#section.viewOf(line), start, this.#lastView, 0, length);
  }

  #keep(line: Buffer, start: number, end: number): void {
    this.#lastAuthority = line.latin1Slice(start, end);
    line.copy(this.#lastOctets, 0, start, end);
  }

  /** Whether request line and Host stand together in the form in which they are sent on. */
  #note(head: RequestHead, line: Buffer, lineEnd: number): void {
    const section = this.#section;
    const lineStart = section.valueStart - HOST_NAME.length;
    if (section.storeOffset(lineStart) !== this.#lineEnd || this.#line.version !== 11) return;
    const view = section.viewOf(line);
    if (view.getInt32(lineStart, true) !== HOST || view.getInt16(lineStart + 4, true) !== COLON_SP) return;
    head.setOpening(this.#lineEnd - this.#startLine.length, section.storeOffset(lineEnd));
  }
}
