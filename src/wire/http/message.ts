/**
 * The heads of a request and a response, neutral to the HTTP version. Codecs fill them; the data
 * plane routes and edits them; codecs write them. Framing (Content-Length, Transfer-Encoding) is not
 * among the fields: it is `bodyLength`, and each writer frames the body anew (RFC 9112 section 6).
 */
import { Fields } from "./fields.ts";

/** HTTP versions as the metrics label and the access log name them. */
export const HttpVersion = { http10: 0, http11: 1, http2: 2, http3: 3 } as const;
export type HttpVersion = (typeof HttpVersion)[keyof typeof HttpVersion];
export const HTTP_VERSION_NAMES = ["HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"] as const;

/** `bodyLength` of a message whose length is only known at its end (chunked, or until close). */
export const UNKNOWN_LENGTH = -1;

/**
 * Method, authority and target may be set as text, by whoever makes or rewrites a request. A codec that
 * has the target as bytes puts them into the store of `fields` and calls `setTarget`: no string is made
 * of a target that is only compared, logged and sent on.
 */
export class RequestHead {
  version: HttpVersion = HttpVersion.http11;
  /** 0: no body; above: exactly so many bytes; `UNKNOWN_LENGTH`: until the end event. */
  bodyLength = 0;
  /** The connection may serve another request after this one (RFC 9112 section 9.3). */
  keepAlive = true;
  /** The client waits for 100 (Continue) before it sends the body (RFC 9110 section 10.1.1). */
  expectContinue = false;
  /**
   * The protocol that the client wants to switch to, lower case; empty when there is none. From Upgrade
   * (RFC 9110 section 7.8), or from `:protocol` of an extended CONNECT (RFC 8441), whose `method` is
   * then GET, so that both are one thing to routes.
   */
  upgrade = "";
  /** The client accepts trailers (`TE: trailers`, RFC 9110 section 10.1.4). */
  acceptsTrailers = false;
  readonly fields: Fields = new Fields();
  /** Path and query in `fields.bytes`; both 0 while there is none. */
  targetStart = 0;
  targetEnd = 0;
  /** Where the path ends: at the `?`, or at `targetEnd`. */
  pathEnd = 0;
  /**
   * Request line and Host field in `fields.bytes` as HTTP/1.1 writes them, when they came just so;
   * both 0 otherwise, and once one of their parts was set anew.
   */
  openingStart = 0;
  openingEnd = 0;
  #method = "";
  #authority = "";

  /** As on the wire; methods are case-sensitive (RFC 9110 section 9.1). */
  get method(): string {
    return this.#method;
  }

  set method(method: string) {
    this.#method = method;
    this.setOpening(0, 0);
  }

  /** Host and optional port from the Host field, `:authority` or an absolute target; empty when a HTTP/1.0 client sent none. */
  get authority(): string {
    return this.#authority;
  }

  set authority(authority: string) {
    this.#authority = authority;
    this.setOpening(0, 0);
  }

  /** Path and query in origin form, starting with `/`; or `*` for OPTIONS. */
  get path(): string {
    return this.fields.bytes.latin1Slice(this.targetStart, this.targetEnd);
  }

  /** Characters above U+00FF are our own mistake. */
  set path(path: string) {
    const start = this.fields.addText(path);
    const query = path.indexOf("?");
    const end = start + path.length;
    this.setTarget(start, query === -1 ? end : start + query, end);
    this.setOpening(0, 0);
  }

  setTarget(start: number, pathEnd: number, end: number): void {
    this.targetStart = start;
    this.pathEnd = pathEnd;
    this.targetEnd = end;
  }

  setOpening(start: number, end: number): void {
    this.openingStart = start;
    this.openingEnd = end;
  }

  clear(): void {
    this.version = HttpVersion.http11;
    this.bodyLength = 0;
    this.keepAlive = true;
    this.expectContinue = false;
    this.upgrade = "";
    this.acceptsTrailers = false;
    this.#method = "";
    this.#authority = "";
    this.setTarget(0, 0, 0);
    this.setOpening(0, 0);
    this.fields.clear();
  }
}

export class ResponseHead {
  status = 0;
  version: HttpVersion = HttpVersion.http11;
  /** As in `RequestHead`. For a response to HEAD, or a 304, the length that the body would have had; see `hasBody`. */
  bodyLength = 0;
  /** False for answers to HEAD, and for 1xx, 204 and 304 (RFC 9112 section 6.3). */
  hasBody = true;
  /** The sender named a length although `hasBody` is false (HEAD, 304): forward it. */
  declaredLength = false;
  /** The upstream connection can be used again afterwards. */
  keepAlive = true;
  /** Protocol that a 101 switches to, lower case. */
  upgrade = "";
  readonly fields: Fields = new Fields();

  clear(): void {
    this.status = 0;
    this.version = HttpVersion.http11;
    this.bodyLength = 0;
    this.hasBody = true;
    this.declaredLength = false;
    this.keepAlive = true;
    this.upgrade = "";
    this.fields.clear();
  }
}
