/**
 * What is the same for all requests that name one host, made once and kept: the name that routes are
 * chosen by, the forwarding fields that follow from it, and its part of a log line. The exchange looks
 * it up once per request.
 */
import type { WordText } from "../../base/word-text.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import { FieldTemplate } from "../../wire/http/field-template.ts";
import { Fields } from "../../wire/http/fields.ts";
import { HttpVersion, type RequestHead } from "../../wire/http/message.ts";
import { hostLogPart } from "../finish/access-log-format.ts";
import { routingHost } from "../router/routing-host.ts";
import { ID_DIGITS } from "./request-id.ts";
import { SPAN_DIGITS, TRACE_DIGITS } from "./trace-context.ts";

/**
 * Profiles that a listener keeps, each in the one place that its name gives. A gateway with more hosts
 * than that, or a client that makes names up, costs a new profile now and then. A power of two.
 */
const PLACES = 1024;

/** Received-by pseudonym in Via (RFC 9110 section 7.6.3; feature row A9.5). */
const VIA_NAME = "expressgateway";
export const VIA_BY_VERSION = [
  `1.0 ${VIA_NAME}`,
  `1.1 ${VIA_NAME}`,
  `2 ${VIA_NAME}`,
  `3 ${VIA_NAME}`,
] as const;

/** A new trace, not sampled, with room for its ids. */
const TRACEPARENT = `00-${"0".repeat(TRACE_DIGITS)}-${"0".repeat(SPAN_DIGITS)}-00`;

export class HostProfile {
  readonly authority: string;
  readonly version: HttpVersion;
  readonly secure: boolean;
  /** For the router. */
  readonly host: string;
  /** All forwarding fields but the client's address, for a client that sent none of them; ids are to be filled in. */
  readonly forwarding: FieldTemplate;
  /** For a line of the access log. */
  readonly logPart: WordText;

  constructor(authority: string, version: HttpVersion, secure: boolean) {
    this.authority = authority;
    this.version = version;
    this.secure = secure;
    this.host = routingHost(authority);
    this.logPart = hostLogPart(authority);
    const fields = new Fields();
    fields.add(FieldId.xForwardedProto, secure ? "https" : "http");
    if (authority !== "") fields.add(FieldId.xForwardedHost, authority);
    fields.add(FieldId.via, VIA_BY_VERSION[version]);
    fields.add(FieldId.xRequestId, "0".repeat(ID_DIGITS));
    fields.add(FieldId.traceparent, TRACEPARENT);
    this.forwarding = new FieldTemplate(fields);
  }
}

/** The profiles of one listener. */
export class HostProfiles {
  readonly #places: (HostProfile | undefined)[] = Array.from({ length: PLACES });
  /** The one that was asked for last: often all requests name one host, and it need not be looked up. */
  #last = new HostProfile("", HttpVersion.http11, false);

  of(head: RequestHead, secure: boolean): HostProfile {
    if (!isProfileOf(this.#last, head, secure)) this.#last = this.#lookUp(head, secure);
    return this.#last;
  }

  #lookUp(head: RequestHead, secure: boolean): HostProfile {
    const place = placeOf(head.authority);
    const kept = this.#places[place];
    if (kept !== undefined && isProfileOf(kept, head, secure)) return kept;
    const made = new HostProfile(head.authority, head.version, secure);
    this.#places[place] = made;
    return made;
  }
}

function isProfileOf(profile: HostProfile, { authority, version }: RequestHead, secure: boolean): boolean {
  return profile.authority === authority && profile.version === version && profile.secure === secure;
}

/** FNV-1a over the whole name: hosts of one installation often differ in a digit. */
function placeOf(authority: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < authority.length; i++) hash = Math.imul(hash ^ authority.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & (PLACES - 1);
}
