/**
 * The pseudo-header fields of a request, RFC 9113 section 8.3.1, RFC 9114 section 4.3.1, RFC 8441 section 4:
 * each once, in front of all other fields, and those that the method wants. Fills method, authority and
 * target of a head. Used by `RequestReader`.
 */
import "../../../base/latin1.ts";
import { Fault } from "../../../base/fault.ts";
import { MAX_METHOD_BYTES, MAX_TARGET_SHARE } from "../../h1/h1-limits.ts";
import { methodOf } from "../../h1/method.ts";
import type { FieldView } from "../../field-codec/field-view.ts";
import { PseudoId } from "../../field-codec/name-id.ts";
import { isAuthority } from "../../http/authority.ts";
import { equalsLower } from "../../http/field-id.ts";
import type { RequestHead } from "../../http/message.ts";
import { SLASH, TARGET_OCTETS, TOKEN_OCTETS } from "../../http/octets.ts";

const QUESTION_MARK = 0x3f;
const ASTERISK = 0x2a;
const HTTP: Uint8Array = Buffer.from("http", "latin1");
const HTTPS: Uint8Array = Buffer.from("https", "latin1");

/** Protocols of extended CONNECT are tokens like `websocket`, `connect-udp`, `webtransport`. */
const MAX_PROTOCOL_BYTES = 64;

/** How many a section has at most; a decoder counts them as fields. */
export const MAX_PSEUDO_FIELDS = 6;

interface PseudoRules {
  readonly maxHeaderListBytes: number;
  readonly connectProtocol: boolean;
}

export class PseudoFields {
  /** Lower case; empty without `:protocol`. */
  protocol = "";
  /** Why a request that is not malformed is refused. */
  fault: Fault | null = null;
  readonly #connectProtocol: boolean;
  readonly #maxTargetBytes: number;
  #head!: RequestHead;
  /** A bit for each that was seen. */
  #seen = 0;
  /** A field that is none has come. */
  #over = false;
  /** The last that was valid; a host has at least one octet. */
  #lastAuthority = "";

  constructor(rules: PseudoRules) {
    this.#connectProtocol = rules.connectProtocol;
    this.#maxTargetBytes = Math.floor(rules.maxHeaderListBytes * MAX_TARGET_SHARE);
  }

  begin(head: RequestHead): void {
    this.#head = head;
    this.protocol = "";
    this.fault = null;
    this.#seen = 0;
    this.#over = false;
  }

  get hasAuthority(): boolean {
    return this.#has(PseudoId.authority);
  }

  /** A field that is not a pseudo-header field has come. */
  over(): void {
    this.#over = true;
  }

  /** Takes one; returns what makes the request malformed, or an empty text. */
  take(field: FieldView): string {
    if (this.#over) return "a pseudo-header field behind others";
    if (this.#has(field.id)) return "a pseudo-header field twice";
    this.#seen |= bitOf(field.id);
    switch (field.id) {
      case PseudoId.method:
        return this.#takeMethod(field);
      case PseudoId.scheme:
        return isScheme(field) ? "" : ":scheme is neither http nor https";
      case PseudoId.authority:
        this.#takeAuthority(field.source, field.valueStart, field.valueEnd);
        return "";
      case PseudoId.path:
        return this.#takePath(field);
      case PseudoId.protocol:
        return this.#takeProtocol(field);
    }
    return "a pseudo-header field that requests do not have";
  }

  /** All were seen. Returns as `take`. */
  end(): string {
    const head = this.#head;
    if (!this.#has(PseudoId.method)) return "no :method";
    if (head.method === "CONNECT") return this.#endConnect();
    if (this.protocol !== "") return ":protocol without CONNECT";
    if (!this.#has(PseudoId.scheme)) return "no :scheme";
    if (!this.#has(PseudoId.path)) return "no :path";
    if (head.fields.bytes[head.targetStart] === ASTERISK && head.method !== "OPTIONS")
      return ":path is * without OPTIONS";
    return "";
  }

  /** Host stands in for `:authority`. */
  takeHost(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    this.#takeAuthority(bytes, 0, bytes.length);
  }

  /** What is no host is refused, as in HTTP/1. Most requests of a connection name the same one. */
  #takeAuthority(bytes: Buffer, start: number, end: number): void {
    const head = this.#head;
    if (!isText(bytes, start, end, this.#lastAuthority)) {
      if (!isAuthority(bytes, start, end)) {
        this.fault ??= new Fault("bad_authority", "malformed :authority or Host");
        return;
      }
      this.#lastAuthority = bytes.latin1Slice(start, end);
    }
    head.authority = this.#lastAuthority;
  }

  /** RFC 9113 section 8.5: only with `:authority`. Extended CONNECT: as every other method. */
  #endConnect(): string {
    const head = this.#head;
    if (this.protocol !== "") {
      if (!this.#has(PseudoId.scheme) || !this.#has(PseudoId.path)) {
        this.fault ??= new Fault("bad_request", "extended CONNECT without :scheme or :path");
      }
      head.method = "GET";
      return "";
    }
    if (this.#has(PseudoId.scheme) || this.#has(PseudoId.path)) return "CONNECT with :scheme or :path";
    if (!this.hasAuthority) return "CONNECT without :authority";
    this.fault ??= new Fault("unsupported_method", "CONNECT");
    return "";
  }

  #takeMethod({ source, valueStart, valueEnd }: FieldView): string {
    if (valueStart === valueEnd || valueEnd - valueStart > MAX_METHOD_BYTES) return "length of :method";
    for (let i = valueStart; i < valueEnd; i++)
      if (TOKEN_OCTETS[source[i] as number] !== 1) return ":method is not a token";
    this.#head.method = methodOf(source, valueStart, valueEnd);
    return "";
  }

  #takePath({ source, valueStart, valueEnd }: FieldView): string {
    const isAsterisk = valueEnd - valueStart === 1 && source[valueStart] === ASTERISK;
    if (valueStart === valueEnd || (source[valueStart] !== SLASH && !isAsterisk))
      return ":path does not begin with a slash";
    let query = -1;
    for (let i = valueStart; i < valueEnd; i++) {
      const octet = source[i] as number;
      if (TARGET_OCTETS[octet] !== 1) return ":path holds an octet that no target has";
      if (octet === QUESTION_MARK && query === -1) query = i - valueStart;
    }
    const head = this.#head;
    if (valueEnd - valueStart > this.#maxTargetBytes) this.fault ??= new Fault("target_too_long");
    const start = head.fields.addLines(source, valueStart, valueEnd);
    const end = start + valueEnd - valueStart;
    head.setTarget(start, query === -1 ? end : start + query, end);
    return "";
  }

  #takeProtocol({ source, valueStart, valueEnd }: FieldView): string {
    if (!this.#connectProtocol) return ":protocol, which was not announced";
    if (valueStart === valueEnd || valueEnd - valueStart > MAX_PROTOCOL_BYTES) return "length of :protocol";
    for (let i = valueStart; i < valueEnd; i++)
      if (TOKEN_OCTETS[source[i] as number] !== 1) return ":protocol is not a token";
    this.protocol = source.latin1Slice(valueStart, valueEnd).toLowerCase();
    return "";
  }

  #has(id: number): boolean {
    return (this.#seen & bitOf(id)) !== 0;
  }
}

function bitOf(id: number): number {
  return 1 << (id - PseudoId.authority);
}

function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length || start === end) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

function isScheme({ source, valueStart, valueEnd }: FieldView): boolean {
  return equalsLower(source, valueStart, valueEnd, HTTPS) || equalsLower(source, valueStart, valueEnd, HTTP);
}
