/** One chunk in one piece: size line, data, CRLF (RFC 9112 section 7.1). Used in both directions. */
import type { Connection, Transport } from "../fastpath/transport.ts";
import { CHUNK_FRAMING_BYTES, encodeChunkHead } from "../wire/h1/encode-chunk.ts";

const CR = 0x0d;
const LF = 0x0a;

export function sendChunk(
  transport: Transport,
  connection: Connection,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  const size = end - start;
  const offset = transport.reserve(size + CHUNK_FRAMING_BYTES);
  const { out } = transport;
  let position = encodeChunkHead(out, offset, size);
  position += bytes.copy(out, position, start, end);
  out[position] = CR;
  out[position + 1] = LF;
  transport.send(connection, offset, position + 2);
}
