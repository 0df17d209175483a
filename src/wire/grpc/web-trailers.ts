/**
 * The last frame of a gRPC-Web response: trailers as HTTP/1 lines with lower-case names, behind a
 * prefix whose first octet has its highest bit set (gRPC-Web, "Protocol differences vs gRPC over HTTP2").
 */
import type { Fields } from "../http/fields.ts";
import { GRPC_PREFIX_BYTES } from "./health-messages.ts";

const TRAILERS = 0x80;

export function webTrailersLength(trailers: Fields): number {
  return GRPC_PREFIX_BYTES + trailers.wireLength();
}

/** Writes the frame to `target`, which has room for `webTrailersLength` octets; returns where it ends. */
export function writeWebTrailers(trailers: Fields, target: Buffer, offset: number): number {
  const start = offset + GRPC_PREFIX_BYTES;
  const end = trailers.writeTo(target, start);
  target[offset] = TRAILERS;
  target.writeUInt32BE(end - start, offset + 1);
  lowerNames(target, start, end);
  return end;
}

const COLON = 0x3a;
const LF = 0x0a;

function lowerNames(target: Buffer, start: number, end: number): void {
  let inName = true;
  for (let i = start; i < end; i++) {
    const octet = target[i] as number;
    if (octet === LF) inName = true;
    else if (octet === COLON) inName = false;
    else if (inName && octet >= 0x41 && octet <= 0x5a) target[i] = octet | 0x20;
  }
}
