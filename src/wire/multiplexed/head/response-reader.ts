/**
 * Makes a response head of the fields of a field section, RFC 9113 sections 8.2 and 8.3.2, RFC 9114
 * sections 4.2 and 4.3.2, as strictly as requests are read: a backend that breaks the rules has its stream
 * reset, and the client gets a 502.
 *
 * Called by those who read responses in HTTP/2 and HTTP/3: `begin`, then `onField` for each field, then `end`.
 */
import type { FieldSink, FieldView } from "../../field-codec/field-view.ts";
import { FIRST_PSEUDO_ID, PseudoId } from "../../field-codec/name-id.ts";
import { FieldId } from "../../http/field-id.ts";
import { type HttpVersion, ResponseHead, UNKNOWN_LENGTH } from "../../http/message.ts";
import { readContentLength } from "./content-length.ts";
import { addShown, FieldUse, fieldUses } from "./field-uses.ts";

const USES: Uint8Array = fieldUses([FieldId.contentLength]);

const ZERO = 0x30;
const STATUS_DIGITS = 3;
const MIN_STATUS = 100;

/** Between responses; an idle connection keeps no head alive. */
const NO_HEAD = new ResponseHead();

export class ResponseReader implements FieldSink {
  /** What makes the response malformed; empty while it is not. */
  malformed = "";
  readonly #version: HttpVersion;
  #head: ResponseHead = NO_HEAD;
  #contentLength = -1;
  #over = false;

  constructor(version: HttpVersion) {
    this.#version = version;
  }

  begin(head: ResponseHead): void {
    head.clear();
    head.version = this.#version;
    this.#head = head;
    this.malformed = "";
    this.#contentLength = -1;
    this.#over = false;
  }

  onField(field: FieldView): void {
    if (this.malformed !== "") return;
    if (!field.wellFormed) this.malformed = "a field name or value is not well-formed";
    else if (field.id >= FIRST_PSEUDO_ID) this.#takePseudo(field);
    else this.#takeRegular(field);
  }

  /**
   * All fields were shown: the head is whole, or `malformed` tells why not. `ended`: there is no body.
   * `isHead`: the request was HEAD. `isTunnel`: it was an extended CONNECT, whose 2xx has no length.
   */
  end(ended: boolean, isHead: boolean, isTunnel: boolean): void {
    if (this.malformed !== "") return;
    const head = this.#head;
    const { status } = head;
    if (status === 0) this.malformed = "no :status";
    else if (status === 101) this.malformed = "101 (Switching Protocols)";
    else if (status < 200 && ended) this.malformed = "an informational response that ends the stream";
    if (this.malformed !== "") return;
    const length = isTunnel && status < 300 ? -1 : this.#contentLength;
    head.hasBody = status >= 200 && !isHead && status !== 204 && status !== 304;
    if (head.hasBody) this.#endBody(ended, length);
    else this.#endBodiless(length);
  }

  /** The response was read, or given up. */
  release(): void {
    this.#head = NO_HEAD;
  }

  #endBody(ended: boolean, length: number): void {
    const head = this.#head;
    if (ended && length > 0) this.malformed = "Content-Length without a body";
    else if (ended) head.bodyLength = 0;
    else head.bodyLength = length === -1 ? UNKNOWN_LENGTH : length;
  }

  /** The length that the body would have had may be named (RFC 9113 section 8.1.1). */
  #endBodiless(length: number): void {
    const head = this.#head;
    head.declaredLength = length !== -1 && head.status !== 204 && head.status >= 200;
    head.bodyLength = head.declaredLength ? length : 0;
  }

  #takePseudo({ id, source, valueStart, valueEnd }: FieldView): void {
    if (id !== PseudoId.status) this.malformed = "a pseudo-header field that responses do not have";
    else if (this.#over) this.malformed = "a pseudo-header field behind others";
    else if (this.#head.status !== 0) this.malformed = ":status twice";
    else this.#head.status = readStatus(source, valueStart, valueEnd);
    if (this.malformed === "" && this.#head.status < MIN_STATUS) this.malformed = ":status is not a status";
  }

  #takeRegular(field: FieldView): void {
    this.#over = true;
    const use = USES[field.id] as number;
    if (use === FieldUse.keep) addShown(this.#head.fields, field);
    else if (use === FieldUse.forbid) this.malformed = "a field that belongs to a connection of HTTP/1";
    else this.#takeContentLength(readContentLength(field.source, field.valueStart, field.valueEnd));
  }

  #takeContentLength(length: number): void {
    const other = this.#contentLength !== -1 && this.#contentLength !== length;
    if (length === -1) this.malformed = "Content-Length is not a number";
    else if (other) this.malformed = "two different Content-Lengths";
    this.#contentLength = length;
  }
}

/** Three digits; 0 when it is anything else. */
function readStatus(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== STATUS_DIGITS) return 0;
  let status = 0;
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - ZERO;
    if (digit < 0 || digit > 9) return 0;
    status = status * 10 + digit;
  }
  return status;
}
