/**
 * HTTP/2 frames for tests: builders that make any frame, valid or not, and a reader that shows frames as
 * lines of text, as in `HEADERS 1 end :status=200`. Header blocks are built as plain literals, so that a
 * test's input does not depend on the encoder that is tested.
 */
import { h2CodeName } from "../../src/wire/h2/error-code.ts";
import { FrameHeader, frameKind, writeFrameHeader } from "../../src/wire/h2/frame/frame-header.ts";
import { Flag, FRAME_HEADER_BYTES, FrameType } from "../../src/wire/h2/frame/frame-type.ts";
import { HpackDecoder } from "../../src/wire/hpack/decoder.ts";

export type FieldList = readonly (readonly [name: string, value: string])[];

export const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export const GET: FieldList = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "example.com"],
  [":path", "/"],
];

export const POST: FieldList = [[":method", "POST"], ...GET.slice(1)];

export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array | string = "",
): Buffer {
  const body = Buffer.from(payload as string, "latin1");
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  writeFrameHeader(header, 0, body.length, frameKind(type, flags), streamId);
  return Buffer.concat([header, body]);
}

/** A header block of literals without indexing and without Huffman code (RFC 7541 section 6.2.2). */
export function block(fields: FieldList): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), string(name), string(value)]));
}

/** A literal that enters the dynamic table, where it gets index 62 (RFC 7541 section 6.2.1). */
export function indexedLiteral(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0x40), string(name), string(value)]);
}

/** A string without Huffman code, RFC 7541 section 5.2. */
export function string(text: string): Buffer {
  const octets = Buffer.from(text, "latin1");
  return Buffer.concat([length(octets.length), octets]);
}

/** An integer with a prefix of seven bits, RFC 7541 section 5.1. */
function length(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const octets = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128);
  return Buffer.from([...octets, rest]);
}

export interface FrameOptions {
  readonly end?: boolean;
  /** Octets of padding. */
  readonly pad?: number;
}

export function headers(streamId: number, fields: FieldList, options: FrameOptions = {}): Buffer {
  const flags = Flag.endHeaders | (options.end === true ? Flag.endStream : 0);
  return padded(FrameType.headers, flags, streamId, block(fields), options.pad);
}

export function data(streamId: number, content: string | Uint8Array, options: FrameOptions = {}): Buffer {
  const flags = options.end === true ? Flag.endStream : 0;
  return padded(FrameType.data, flags, streamId, Buffer.from(content as string, "latin1"), options.pad);
}

function padded(type: number, flags: number, streamId: number, content: Buffer, pad?: number): Buffer {
  if (pad === undefined) return frame(type, flags, streamId, content);
  return frame(
    type,
    flags | Flag.padded,
    streamId,
    Buffer.concat([Buffer.of(pad), content, Buffer.alloc(pad)]),
  );
}

/** A header block cut into one HEADERS and as many CONTINUATIONs as there are more parts. */
export function fragments(streamId: number, parts: readonly Uint8Array[], end = true): Buffer {
  return Buffer.concat(
    parts.map((part, i) => {
      const type = i === 0 ? FrameType.headers : FrameType.continuation;
      const flags = (i === 0 && end ? Flag.endStream : 0) | (i === parts.length - 1 ? Flag.endHeaders : 0);
      return frame(type, flags, streamId, part);
    }),
  );
}

export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  pairs.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return frame(FrameType.settings, 0, 0, payload);
}

export const SETTINGS_ACK: Buffer = frame(FrameType.settings, Flag.ack, 0);

export function ping(payload = "12345678", ack = false): Buffer {
  return frame(FrameType.ping, ack ? Flag.ack : 0, 0, payload);
}

export function rstStream(streamId: number, code: number): Buffer {
  return frame(FrameType.rstStream, 0, streamId, uint32(code));
}

export function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(FrameType.windowUpdate, 0, streamId, uint32(increment));
}

export function goAway(lastId: number, code: number, text = ""): Buffer {
  return frame(FrameType.goAway, 0, 0, Buffer.concat([uint32(lastId), uint32(code), Buffer.from(text)]));
}

export function priority(streamId: number, dependency: number): Buffer {
  return frame(FrameType.priority, 0, streamId, Buffer.concat([uint32(dependency), Buffer.of(15)]));
}

export function priorityUpdate(streamId: number, value: string): Buffer {
  return frame(
    FrameType.priorityUpdate,
    0,
    0,
    Buffer.concat([uint32(streamId), Buffer.from(value, "latin1")]),
  );
}

export function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

/** What a client begins with. */
export function clientPreface(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  return Buffer.concat([PREFACE, settings(...pairs)]);
}

const TYPE_NAMES = new Map<number, string>(
  Object.entries(FrameType).map(([name, type]) => [type, name.replaceAll(/[A-Z]/g, "_$&").toUpperCase()]),
);

/** Shows the frames of one direction of a connection; keeps the state of its header compression. */
export class FrameLog {
  readonly #decoder = new HpackDecoder({ maxListBytes: 4_194_304, maxFields: 100_000 });
  readonly #header = new FrameHeader();
  #block: Buffer[] = [];

  /** `bytes` holds whole frames. */
  lines(bytes: Buffer): string[] {
    const lines: string[] = [];
    for (let at = 0; at < bytes.length;) {
      this.#header.read(bytes, at);
      const end = at + FRAME_HEADER_BYTES + this.#header.length;
      if (end > bytes.length) throw new Error("half a frame");
      lines.push(this.#line(bytes.subarray(at + FRAME_HEADER_BYTES, end)));
      at = end;
    }
    return lines;
  }

  #line(payload: Buffer): string {
    const { type, flags, streamId } = this.#header;
    const ends = (type === FrameType.data || type === FrameType.headers) && (flags & Flag.endStream) !== 0;
    const acks = (type === FrameType.settings || type === FrameType.ping) && (flags & Flag.ack) !== 0;
    const words = [
      TYPE_NAMES.get(type) ?? `0x${type.toString(16)}`,
      String(streamId),
      ends ? "end" : "",
      acks ? "ack" : "",
      this.#content(payload),
    ];
    return words.filter((word) => word !== "").join(" ");
  }

  #content(payload: Buffer): string {
    const { type, flags } = this.#header;
    switch (type) {
      case FrameType.headers:
      case FrameType.continuation:
        this.#block.push(payload);
        return (flags & Flag.endHeaders) === 0 ? "..." : this.#fields();
      case FrameType.rstStream:
        return h2CodeName(payload.readUInt32BE(0));
      case FrameType.windowUpdate:
        return `+${payload.readUInt32BE(0)}`;
      case FrameType.goAway:
        return `${payload.readUInt32BE(0)} ${h2CodeName(payload.readUInt32BE(4))}`;
      case FrameType.settings:
        return Array.from(
          { length: payload.length / 6 },
          (_, i) => `${payload.readUInt16BE(i * 6)}=${payload.readUInt32BE(i * 6 + 2)}`,
        ).join(" ");
    }
    return payload.length > 64 ? `(${payload.length})` : payload.latin1Slice();
  }

  #fields(): string {
    const whole = Buffer.concat(this.#block);
    this.#block = [];
    const texts: string[] = [];
    this.#decoder.decode(whole, 0, whole.length, {
      onField({ source, nameStart, nameEnd, valueStart, valueEnd }) {
        texts.push(`${source.latin1Slice(nameStart, nameEnd)}=${source.latin1Slice(valueStart, valueEnd)}`);
      },
    });
    return texts.join(" ");
  }
}
