/**
 * The value of `grpc-timeout`: up to eight digits and a unit (gRPC over HTTP/2, "Requests"). Read by the
 * proxy, which shortens what is longer than it allows, and keeps to it itself.
 */

/** The specification's bound on digits. */
const MAX_DIGITS = 8;

/** Milliseconds in each unit, by its letter. */
const UNIT_MS: Readonly<Record<number, number>> = {
  [0x48]: 3_600_000, // H: hours
  [0x4d]: 60_000, // M: minutes
  [0x53]: 1000, // S: seconds
  [0x6d]: 1, // m: milliseconds
  [0x75]: 1e-3, // u: microseconds
  [0x6e]: 1e-6, // n: nanoseconds
};

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/** What a text that is no timeout gives. */
export const MALFORMED_TIMEOUT = -1;

/** Milliseconds, rounded up, of the value in `bytes[start, end)`; `MALFORMED_TIMEOUT` when it is none. */
export function parseGrpcTimeout(bytes: Uint8Array, start: number, end: number): number {
  const last = end - 1;
  const digits = last - start;
  const unitMs = UNIT_MS[bytes[last] ?? 0];
  if (digits < 1 || digits > MAX_DIGITS || unitMs === undefined) return MALFORMED_TIMEOUT;
  let value = 0;
  for (let i = start; i < last; i++) {
    const octet = bytes[i] as number;
    if (octet < DIGIT_0 || octet > DIGIT_9) return MALFORMED_TIMEOUT;
    value = value * 10 + octet - DIGIT_0;
  }
  return Math.ceil(value * unitMs);
}

/** The value for so many milliseconds, 0 to 99,999,999,000; in seconds where milliseconds have too many digits. */
export function formatGrpcTimeout(timeoutMs: number): string {
  const text = `${timeoutMs}`;
  return text.length <= MAX_DIGITS ? `${text}m` : `${Math.floor(timeoutMs / 1000)}S`;
}
