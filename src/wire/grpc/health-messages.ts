/**
 * The two messages of `grpc.health.v1.Health/Check`, in protobuf and with gRPC's length prefix: enough
 * to answer for the gateway itself. Feature row A11.3.
 */

/** One octet that tells of compression, and a length of four. */
export const GRPC_PREFIX_BYTES = 5;

/** `HealthCheckResponse { status: SERVING }`, with its prefix. */
export const SERVING: Buffer = Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01]);

/** Field 1, `service`, a string. */
const SERVICE_TAG = 0x0a;

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;

/** Octets of the longest varint. */
const MAX_VARINT_BYTES = 10;

/**
 * The service that a `HealthCheckRequest` asks for, from the whole body of the call; empty for the
 * server as such, `null` when the body is not one uncompressed message of that type.
 */
export function requestedService(body: Buffer): string | null {
  if (body.length < GRPC_PREFIX_BYTES || body[0] !== 0) return null;
  if (body.readUInt32BE(1) !== body.length - GRPC_PREFIX_BYTES) return null;
  const reader: Reader = { body, position: GRPC_PREFIX_BYTES };
  let service = "";
  while (reader.position < body.length) {
    const tag = readVarint(reader);
    if (tag === SERVICE_TAG) {
      const found = readString(reader);
      if (found === null) return null;
      service = found;
    } else if (tag === null || !skipField(reader, tag & 7)) {
      return null;
    }
  }
  return service;
}

interface Reader {
  readonly body: Buffer;
  position: number;
}

function readVarint(reader: Reader): number | null {
  let value = 0;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const octet = reader.body[reader.position];
    if (octet === undefined) return null;
    reader.position += 1;
    value += (octet & 0x7f) * 2 ** (7 * i);
    if (octet < 0x80) return value;
  }
  return null;
}

function readString(reader: Reader): string | null {
  const length = readVarint(reader);
  const start = reader.position;
  return skip(reader, length) ? reader.body.toString("utf8", start, reader.position) : null;
}

function skipField(reader: Reader, wireType: number): boolean {
  switch (wireType) {
    case WIRE_VARINT:
      return readVarint(reader) !== null;
    case WIRE_FIXED64:
      return skip(reader, 8);
    case WIRE_BYTES:
      return skip(reader, readVarint(reader));
    case WIRE_FIXED32:
      return skip(reader, 4);
    default:
      return false;
  }
}

function skip(reader: Reader, length: number | null): boolean {
  if (length === null || length > reader.body.length - reader.position) return false;
  reader.position += length;
  return true;
}
