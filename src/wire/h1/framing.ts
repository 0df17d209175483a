/**
 * How long the body of a message is, from Content-Length and Transfer-Encoding: RFC 9112 section 6.
 * Whatever two readers could understand in two ways is a fault, never a guess (CWE-444):
 * both fields at once, differing lengths, lists, signs, a coding behind chunked, chunked twice,
 * Transfer-Encoding in HTTP/1.0. One per decoder, fed field by field.
 */
import { Fault } from "../../base/fault.ts";
import { equalsLower } from "../http/field-id.ts";
import { HttpVersion } from "../http/message.ts";
import { COMMA, isWhitespace, TOKEN_OCTETS } from "../http/octets.ts";
import type { FaultCodes } from "./fault-codes.ts";

const ZERO = 0x30;
const NINE = 0x39;
const CHUNKED: Uint8Array = Buffer.from("chunked", "latin1");

export class Framing {
  /** From Content-Length; -1: there is none. */
  length = -1;
  /** The body is chunked. */
  chunked = false;

  readonly #codes: FaultCodes;
  readonly #strictCodings: boolean;
  #version: HttpVersion = HttpVersion.http11;
  /** A coding other than chunked was named, before it. */
  #otherCoding = false;
  #hasTransferEncoding = false;

  /** `strictCodings`: a coding other than chunked is malformed, not just unsupported. */
  constructor(codes: FaultCodes, strictCodings: boolean) {
    this.#codes = codes;
    this.#strictCodings = strictCodings;
  }

  begin(version: HttpVersion): void {
    this.length = -1;
    this.chunked = false;
    this.#version = version;
    this.#otherCoding = false;
    this.#hasTransferEncoding = false;
  }

  /** A Content-Length with the value in `bytes[start, end)`. */
  contentLength(bytes: Uint8Array, start: number, end: number): Fault | null {
    if (this.#hasTransferEncoding) return this.#ambiguous("Content-Length with Transfer-Encoding");
    let length = start === end ? -1 : 0;
    for (let pos = start; pos < end; pos++) {
      const octet = bytes[pos] as number;
      if (octet < ZERO || octet > NINE) return this.#syntax("Content-Length is not a number");
      length = length * 10 + octet - ZERO;
      if (length > Number.MAX_SAFE_INTEGER) return this.#syntax("Content-Length is too large");
    }
    if (length === -1) return this.#syntax("Content-Length is empty");
    if (this.length !== -1 && this.length !== length) return this.#ambiguous("two different Content-Lengths");
    this.length = length;
    return null;
  }

  /** A Transfer-Encoding with the value in `bytes[start, end)`. */
  transferEncoding(bytes: Uint8Array, start: number, end: number): Fault | null {
    this.#hasTransferEncoding = true;
    if (this.length !== -1) return this.#ambiguous("Content-Length with Transfer-Encoding");
    if (this.#version === HttpVersion.http10) return this.#ambiguous("Transfer-Encoding in HTTP/1.0");
    let pos = start;
    for (;;) {
      while (pos < end && isWhitespace(bytes[pos])) pos++;
      const codingStart = pos;
      while (pos < end && TOKEN_OCTETS[bytes[pos] as number] === 1) pos++;
      const fault = this.#coding(bytes, codingStart, pos);
      if (fault !== null) return fault;
      while (pos < end && isWhitespace(bytes[pos])) pos++;
      if (pos === end) return null;
      if (bytes[pos++] !== COMMA) return this.#syntax("Transfer-Encoding is not a list of plain names");
    }
  }

  /** At the end of the head: what can only be judged when all fields are known. */
  end(): Fault | null {
    if (!this.#hasTransferEncoding) return null;
    if (!this.chunked) return this.#ambiguous("the final transfer coding is not chunked");
    if (this.#otherCoding) return new Fault(this.#codes.coding, "a transfer coding other than chunked");
    return null;
  }

  #coding(bytes: Uint8Array, start: number, end: number): Fault | null {
    if (start === end) return this.#syntax("an empty transfer coding");
    if (this.chunked) return this.#ambiguous("a transfer coding behind chunked");
    if (equalsLower(bytes, start, end, CHUNKED)) {
      this.chunked = true;
      return null;
    }
    if (this.#strictCodings) return this.#syntax("a transfer coding other than chunked");
    this.#otherCoding = true;
    return null;
  }

  #syntax(detail: string): Fault {
    return new Fault(this.#codes.syntax, detail);
  }

  #ambiguous(detail: string): Fault {
    return new Fault(this.#codes.framing, detail);
  }
}
