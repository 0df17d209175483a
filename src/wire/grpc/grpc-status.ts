/**
 * Status codes of gRPC, and how they and HTTP's map to each other where a gRPC client meets an answer
 * that is not gRPC (gRPC over HTTP/2, "Responses"; "HTTP to gRPC Status Code Mapping"). Feature row A11.4.
 */

export const GrpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;
export type GrpcStatus = (typeof GrpcStatus)[keyof typeof GrpcStatus];

/** What an HTTP answer without a gRPC status means to the caller. */
export function grpcStatusOf(httpStatus: number): GrpcStatus {
  switch (httpStatus) {
    case 400:
    case 500:
      return GrpcStatus.internal;
    case 401:
      return GrpcStatus.unauthenticated;
    case 403:
      return GrpcStatus.permissionDenied;
    case 404:
    case 501:
      return GrpcStatus.unimplemented;
    case 409:
      return GrpcStatus.aborted;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus.unavailable;
    case 499:
      return GrpcStatus.cancelled;
    default:
      return GrpcStatus.unknown;
  }
}

/** Indexed by gRPC status. */
const HTTP_STATUSES: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/** The HTTP status that says the same, for metrics and logs; 500 for a code that there is none of. */
export function httpStatusOf(grpcStatus: number): number {
  return HTTP_STATUSES[grpcStatus] ?? 500;
}
