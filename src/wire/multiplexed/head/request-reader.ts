/**
 * Makes a request head of the fields of a field section: the rules of RFC 9113 sections 8.2 and 8.3, of
 * RFC 9114 sections 4.2 and 4.3, which are the same, and of RFC 8441 and RFC 9220 for extended CONNECT. A
 * request that breaks them is malformed, and its stream is reset; one that keeps them may still be refused
 * with a status.
 *
 * Called by those who read requests in HTTP/2 and HTTP/3: `begin`, then `onField` for each field, then `end`.
 */
import { Fault, type FaultCode } from "../../../base/fault.ts";
import type { FieldSink, FieldView } from "../../field-codec/field-view.ts";
import { FIRST_PSEUDO_ID } from "../../field-codec/name-id.ts";
import { equalsLower, FieldId } from "../../http/field-id.ts";
import { HttpVersion, RequestHead, UNKNOWN_LENGTH } from "../../http/message.ts";
import { UNDERSCORE } from "../../http/octets.ts";
import { PriorityField } from "../priority-field.ts";
import { readContentLength } from "./content-length.ts";
import type { CookieCrumbs } from "./cookie-crumbs.ts";
import { addShown, FieldUse, fieldUses } from "./field-uses.ts";
import { PseudoFields } from "./pseudo-fields.ts";

export interface RequestRules {
  readonly maxHeaderListBytes: number;
  readonly connectProtocol: boolean;
  readonly underscores: "reject" | "drop" | "allow";
}

const USES: Uint8Array = fieldUses([
  FieldId.host,
  FieldId.contentLength,
  FieldId.te,
  FieldId.expect,
  FieldId.cookie,
  FieldId.other,
]);

const TRAILERS: Uint8Array = Buffer.from("trailers", "latin1");
const CONTINUE: Uint8Array = Buffer.from("100-continue", "latin1");
const PRIORITY: Uint8Array = Buffer.from("priority", "latin1");

/** Between requests; an idle connection keeps no head alive. */
const NO_HEAD = new RequestHead();

export class RequestReader implements FieldSink {
  /** What makes the request malformed; empty while it is not. */
  malformed = "";
  /** Why it is refused, if it is not malformed. */
  fault: Fault | null = null;
  /** Of the Priority field, if there was one. */
  readonly priority: PriorityField = new PriorityField();
  hasPriority = false;
  /** An extended CONNECT (RFC 8441). */
  isTunnel = false;

  readonly #version: HttpVersion;
  readonly #underscores: RequestRules["underscores"];
  readonly #crumbs: CookieCrumbs;
  readonly #pseudo: PseudoFields;
  #head: RequestHead = NO_HEAD;
  #contentLength = -1;
  #host = "";
  #hasHost = false;
  #expects = false;
  /** A crumb came as a literal that is never indexed: the whole is never indexed. */
  #neverIndexedCrumb = false;

  constructor(version: HttpVersion, rules: RequestRules, crumbs: CookieCrumbs) {
    this.#version = version;
    this.#underscores = rules.underscores;
    this.#crumbs = crumbs;
    this.#pseudo = new PseudoFields(rules);
  }

  begin(head: RequestHead): void {
    head.clear();
    head.version = this.#version;
    this.#head = head;
    this.malformed = "";
    this.fault = null;
    this.hasPriority = false;
    this.isTunnel = false;
    this.#crumbs.begin();
    this.#pseudo.begin(head);
    this.#contentLength = -1;
    this.#host = "";
    this.#hasHost = false;
    this.#expects = false;
    this.#neverIndexedCrumb = false;
  }

  onField(field: FieldView): void {
    if (this.malformed !== "") return;
    if (!field.wellFormed) this.malformed = "a field name or value is not well-formed";
    else if (field.id >= FIRST_PSEUDO_ID) this.malformed = this.#pseudo.take(field);
    else this.#takeRegular(field);
  }

  /** All fields were shown. `ended`: there is no body. Then the head is whole, or `malformed` or `fault` tell. */
  end(ended: boolean): void {
    if (this.malformed !== "") return;
    const pseudo = this.#pseudo;
    const length = this.#contentLength;
    this.malformed = pseudo.end();
    if (this.malformed === "" && ended && length > 0) this.malformed = "Content-Length without a body";
    if (this.malformed === "" && pseudo.protocol !== "" && length !== -1)
      this.malformed = "Content-Length in an extended CONNECT";
    if (this.malformed !== "") return;
    const head = this.#head;
    this.isTunnel = pseudo.protocol !== "";
    if (this.isTunnel) head.upgrade = pseudo.protocol;
    const bodiless = ended || this.isTunnel;
    if (bodiless) head.bodyLength = 0;
    else head.bodyLength = length === -1 ? UNKNOWN_LENGTH : length;
    head.expectContinue = this.#expects && head.bodyLength !== 0;
    const cookie = this.#crumbs.addTo(head.fields);
    if (cookie !== -1 && this.#neverIndexedCrumb) head.fields.markNeverIndexed(cookie);
    if (pseudo.fault !== null) this.fault = pseudo.fault;
    else this.#takeAuthority();
  }

  /** The request was read, or given up. */
  release(): void {
    this.#head = NO_HEAD;
    this.#pseudo.begin(NO_HEAD);
  }

  /** `:authority` is the host; without it, Host is (RFC 9113 section 8.3.1). They must not differ. */
  #takeAuthority(): void {
    const head = this.#head;
    if (!this.#pseudo.hasAuthority && this.#hasHost) this.#pseudo.takeHost(this.#host);
    if (this.#pseudo.fault !== null) this.fault = this.#pseudo.fault;
    else if (head.authority === "") this.#lackAuthority("neither :authority nor Host");
    else if (this.#hasHost && !sameHost(head.authority, this.#host))
      this.#refuse("bad_authority", ":authority and Host differ");
  }

  /** Malformed by RFC 9114 section 4.3.1, and not by RFC 9113: there a status tells. */
  #lackAuthority(text: string): void {
    if (this.#version === HttpVersion.http3) this.malformed = text;
    else this.#refuse("bad_authority", text);
  }

  #takeRegular(field: FieldView): void {
    this.#pseudo.over();
    const use = USES[field.id] as number;
    if (use === FieldUse.forbid) this.malformed = "a field that belongs to a connection of HTTP/1";
    else if (use === FieldUse.keep || this.#look(field)) addShown(this.#head.fields, field);
  }

  /** A field that means something to the codec; returns whether it goes into the list. */
  #look(field: FieldView): boolean {
    const { source, valueStart, valueEnd } = field;
    switch (field.id) {
      case FieldId.host:
        if (this.#hasHost) this.malformed = "two Host fields";
        this.#hasHost = true;
        this.#host = source.latin1Slice(valueStart, valueEnd);
        return false;
      case FieldId.contentLength:
        this.#takeContentLength(readContentLength(source, valueStart, valueEnd));
        return false;
      case FieldId.te:
        if (!equalsLower(source, valueStart, valueEnd, TRAILERS)) this.malformed = "TE other than trailers";
        this.#head.acceptsTrailers = true;
        return true;
      case FieldId.expect:
        if (equalsLower(source, valueStart, valueEnd, CONTINUE)) this.#expects = true;
        else this.#refuse("expectation_failed", "Expect other than 100-continue");
        return true;
      case FieldId.cookie:
        this.#crumbs.add(source, valueStart, valueEnd);
        if (field.neverIndexed) this.#neverIndexedCrumb = true;
        return false;
    }
    return this.#lookAtOther(field);
  }

  #takeContentLength(length: number): void {
    const other = this.#contentLength !== -1 && this.#contentLength !== length;
    if (length === -1) this.malformed = "Content-Length is not a number";
    else if (other) this.malformed = "two different Content-Lengths";
    this.#contentLength = length;
  }

  #lookAtOther(field: FieldView): boolean {
    const { source, nameStart, nameEnd, valueStart, valueEnd } = field;
    if (nameEnd - nameStart === PRIORITY.length && equalsLower(source, nameStart, nameEnd, PRIORITY)) {
      if (this.hasPriority) this.priority.merge(source, valueStart, valueEnd);
      else this.priority.read(source, valueStart, valueEnd);
      this.hasPriority = true;
    }
    if (this.#underscores === "allow") return true;
    for (let i = nameStart; i < nameEnd; i++) if (source[i] === UNDERSCORE) return this.#takeUnderscore();
    return true;
  }

  #takeUnderscore(): boolean {
    if (this.#underscores === "reject") this.#refuse("bad_request", "underscore in a field name");
    return false;
  }

  /** The first reason counts. */
  #refuse(code: FaultCode, detail: string): void {
    this.fault ??= new Fault(code, detail);
  }
}

function sameHost(one: string, other: string): boolean {
  return one === other || one.toLowerCase() === other.toLowerCase();
}
