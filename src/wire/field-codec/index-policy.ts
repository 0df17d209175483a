/**
 * Which fields enter the dynamic table of an encoder, and which no table on the way may hold.
 *
 * A table that anybody can probe gives away its contents by the size of what is sent (RFC 7541 and RFC
 * 9204, section 7.1 of each). Credentials are never-indexed, with that mark for every hop. A cookie is
 * when it is short: a long one cannot be guessed whole, and there is nothing less to guess by.
 */
import { FieldId } from "../http/field-id.ts";
import { PseudoId } from "./name-id.ts";

export const IndexPolicy = {
  /** Enters the table when it was sent before, not long ago: values that never come again stay out. */
  repeated: 0,
  /** Enters at once: nearly every message of a connection has the same. */
  eager: 1,
  /** Stays out: the value is nearly always new, and looking for it would cost more than it saves. */
  plain: 2,
  /** As `never` when it is short, as `repeated` otherwise. */
  guarded: 3,
  /** A never-indexed literal. */
  never: 4,
} as const;
export type IndexPolicy = (typeof IndexPolicy)[keyof typeof IndexPolicy];

/** A guarded value that is shorter could be found by trying. */
export const MIN_UNGUARDED_BYTES = 20;

/** By the id of the name; `repeated` is what is in neither list. */
export const POLICIES_BY_ID: readonly (readonly [policy: IndexPolicy, ids: readonly number[]])[] = [
  [
    IndexPolicy.eager,
    [
      PseudoId.authority,
      PseudoId.method,
      PseudoId.scheme,
      PseudoId.status,
      PseudoId.protocol,
      FieldId.altSvc,
      FieldId.cacheControl,
      FieldId.contentEncoding,
      FieldId.contentType,
      FieldId.server,
      FieldId.te,
      FieldId.vary,
      FieldId.via,
      FieldId.xForwardedHost,
      FieldId.xForwardedPort,
      FieldId.xForwardedProto,
    ],
  ],
  [
    IndexPolicy.plain,
    [
      PseudoId.path,
      FieldId.age,
      FieldId.contentDisposition,
      FieldId.contentLength,
      FieldId.contentLocation,
      FieldId.contentRange,
      FieldId.expires,
      FieldId.ifMatch,
      FieldId.ifModifiedSince,
      FieldId.ifNoneMatch,
      FieldId.ifRange,
      FieldId.ifUnmodifiedSince,
      FieldId.location,
      FieldId.range,
      FieldId.retryAfter,
      FieldId.traceparent,
      FieldId.tracestate,
      FieldId.xRequestId,
    ],
  ],
  [IndexPolicy.guarded, [FieldId.cookie, FieldId.setCookie]],
  [IndexPolicy.never, [FieldId.authorization, FieldId.proxyAuthorization]],
];

/** Names that have no id of their own but a place in one of the static tables or a policy. */
export const OTHER_NAMES: readonly (readonly [name: string, policy: IndexPolicy])[] = [
  ["accept", IndexPolicy.repeated],
  ["accept-charset", IndexPolicy.repeated],
  ["accept-encoding", IndexPolicy.repeated],
  ["accept-language", IndexPolicy.repeated],
  ["accept-ranges", IndexPolicy.eager],
  ["access-control-allow-credentials", IndexPolicy.repeated],
  ["access-control-allow-headers", IndexPolicy.repeated],
  ["access-control-allow-methods", IndexPolicy.repeated],
  ["access-control-allow-origin", IndexPolicy.eager],
  ["access-control-expose-headers", IndexPolicy.repeated],
  ["access-control-request-headers", IndexPolicy.repeated],
  ["access-control-request-method", IndexPolicy.repeated],
  ["allow", IndexPolicy.repeated],
  ["content-security-policy", IndexPolicy.repeated],
  ["early-data", IndexPolicy.repeated],
  ["etag", IndexPolicy.plain],
  ["expect-ct", IndexPolicy.repeated],
  ["from", IndexPolicy.repeated],
  ["last-modified", IndexPolicy.plain],
  ["link", IndexPolicy.repeated],
  ["origin", IndexPolicy.repeated],
  ["purpose", IndexPolicy.repeated],
  ["referer", IndexPolicy.plain],
  ["refresh", IndexPolicy.plain],
  ["strict-transport-security", IndexPolicy.eager],
  ["timing-allow-origin", IndexPolicy.repeated],
  ["upgrade-insecure-requests", IndexPolicy.repeated],
  ["x-content-type-options", IndexPolicy.repeated],
  ["x-frame-options", IndexPolicy.repeated],
  ["x-xss-protection", IndexPolicy.repeated],
  ["api-key", IndexPolicy.never],
  ["x-amz-security-token", IndexPolicy.never],
  ["x-api-key", IndexPolicy.never],
  ["x-auth-token", IndexPolicy.never],
  ["x-csrf-token", IndexPolicy.never],
  ["x-xsrf-token", IndexPolicy.never],
];
