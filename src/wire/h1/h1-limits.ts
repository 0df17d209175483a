/** What bounds the HTTP/1.1 decoders, and what an operator decides about requests. */

export interface H1Limits {
  /** Octets of a head: start line, field lines and the empty line. Above: 431 (or 414, when the target is to blame). */
  readonly maxHeaderBytes: number;
  /** Field lines of a head or of a trailer section. Above: 431. */
  readonly maxHeaders: number;
  /** Octets of a trailer section with its empty line. */
  readonly maxTrailerBytes: number;
  /** Octets of one chunk-size line with its extensions and CRLF (CVE-2023-39326, CVE-2024-22019). */
  readonly maxChunkLineBytes: number;
  /**
   * Octets of chunk framing (size lines, extensions, CRLFs) that a message may spend beyond one per
   * octet of content. A sender of large chunks never comes near; a flood of one-octet chunks does.
   */
  readonly maxChunkOverheadBytes: number;
}

/** The configuration's defaults (feature row A8.4), for whoever has no configuration. */
export const DEFAULT_H1_LIMITS: H1Limits = {
  maxHeaderBytes: 65_536,
  maxHeaders: 256,
  maxTrailerBytes: 65_536,
  maxChunkLineBytes: 256,
  maxChunkOverheadBytes: 262_144,
};

export interface H1RequestPolicy {
  /** Field names with an underscore, which CGI-like backends read as a hyphen: 400, leave the field out, or pass. */
  readonly headerUnderscorePolicy: "reject" | "drop" | "allow";
  /** Every transfer coding but `chunked` is 400, and underscores are refused. */
  readonly strictTe: boolean;
  /** The scheme that absolute targets must have; without it, http and https both pass. */
  readonly scheme?: "http" | "https";
  /** False only for vectors that are fragments of messages: HTTP/1.1 demands Host (RFC 9112 section 3.2). */
  readonly requireHost?: boolean;
}

/** Empty lines before a start line that are skipped (RFC 9112 section 2.2); old clients send one after a body. */
export const MAX_EMPTY_LINES = 4;

/** The longest registered method has 16 letters. */
export const MAX_METHOD_BYTES = 32;

/** The share of the head that the request target may take: half, so that its fields still fit. */
export const MAX_TARGET_SHARE = 0.5;

/** Informational responses before the final one. Real ones are one 100, one 103 and a few 102. */
export const MAX_INFORMATIONAL = 32;
