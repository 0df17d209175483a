/** The keys of `[listeners.quic]` that are about HTTP/3, its streams and windows. Feature rows A8.4, A10.2. */
import { boolean, integer, oneOf } from "../define.ts";

/** The engine has four octets for each number of this kind among the transport parameters, and two for numbers of streams. */
export const MAX_QUIC_NUMBER = 1_073_741_823;
const MAX_STREAMS = 16_383;

/** Held for each connection: what compression gains does not grow beyond. */
const MAX_QPACK_TABLE_BYTES = 65_536;

export const http3Fields = {
  active_migration: boolean({
    default: false,
    doc: "Lets clients move their connections to another address (RFC 9000, section 9). A client whose NAT gives it another port needs it, too; without it such a connection ends by its idle timeout. All packets of a connection reach its worker, wherever they come from. Logs and `X-Forwarded-For` name the address that a connection began at.",
    note: "Not for strangers: a new address is proved by acknowledgements only, which can be guessed. A client that can send from an address that is not its own can have what it downloads sent there. Before that proof, at most three times what came from an address goes to it. Who sees both networks of a client that moves can tell that it is the same.",
    example: "true",
  }),
  initial_connection_window_size: integer({
    min: 16_384,
    max: MAX_QUIC_NUMBER,
    default: 10_485_760,
    unit: "bytes",
    doc: "Flow-control window of a connection: what its client may send before some of it is passed on. It does not grow.",
    example: "4194304",
  }),
  initial_stream_window_size: integer({
    min: 1024,
    max: MAX_QUIC_NUMBER,
    default: 1_048_576,
    unit: "bytes",
    doc: "The most that the flow-control window of a stream grows to, while the stream is read fast. It begins with a share of `initial_connection_window_size`, which is that divided by `max_concurrent_bidi_streams` and `max_concurrent_uni_streams` together, or with all of it where the share is more than it or less than 32 KiB.",
    example: "262144",
  }),
  max_concurrent_bidi_streams: integer({
    min: 1,
    max: MAX_STREAMS,
    default: 128,
    doc: "Requests that a client may have open at once.",
    example: "256",
  }),
  max_concurrent_uni_streams: integer({
    min: 3,
    max: MAX_STREAMS,
    default: 16,
    doc: "Unidirectional streams that a client may have open at once. HTTP/3 needs three (RFC 9114, section 6.2).",
    example: "8",
  }),
  congestion_control: oneOf({
    values: ["reno", "cubic", "bbr"],
    default: "cubic",
    doc: "How the pace of sending is found: `reno` (RFC 9002), `cubic` (RFC 9438), or `bbr`.",
    example: '"reno"',
  }),
  max_field_section_size: integer({
    min: 1024,
    max: 16_777_216,
    default: 65_536,
    unit: "bytes",
    doc: "Size of the fields of a request, or of its trailers, decoded, 32 bytes of overhead per field included (SETTINGS_MAX_FIELD_SECTION_SIZE). Then 431. `[listeners.http].max_headers` bounds their number; `max_header_bytes` is for HTTP/1.1.",
    example: "32768",
  }),
  qpack_max_table_capacity: integer({
    min: 0,
    max: MAX_QPACK_TABLE_BYTES,
    default: 0,
    unit: "bytes",
    doc: "Dynamic table that clients may compress with (RFC 9204, section 3.2.3). 0: they compress with the static table and Huffman alone, and no request waits for another.",
    example: "4096",
  }),
  qpack_blocked_streams: integer({
    min: 0,
    max: 128,
    default: 0,
    doc: "Streams that may wait for entries of that table at once.",
    example: "16",
  }),
  qpack_encoder_table_capacity: integer({
    min: 0,
    max: MAX_QPACK_TABLE_BYTES,
    default: 0,
    unit: "bytes",
    doc: "Dynamic table that responses are compressed with, as far as the client offers one. 0: they are compressed with the static table and Huffman alone.",
    example: "4096",
  }),
} as const;
