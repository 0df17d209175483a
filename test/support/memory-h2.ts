/**
 * An HTTP/2 backend on the memory transport, spelt in frames (RFC 9113 section 4.1): it does what the
 * test says, right or wrong, and nothing by itself.
 */
import assert from "node:assert/strict";
import type { FieldSink } from "../../src/wire/field-codec/field-view.ts";
import { HpackDecoder } from "../../src/wire/hpack/decoder.ts";
import type { MemoryGateway } from "./memory-gateway.ts";
import type { MemoryPeer } from "./memory-peer.ts";

const FRAME_TYPES = [
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
  "CONTINUATION",
] as const;
export type FrameType = (typeof FRAME_TYPES)[number];

const PREFACE_BYTES = 24;
export const HEADER_BYTES = 9;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const ACK = 0x1;

export interface Frame {
  readonly type: FrameType;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export interface H2Request {
  readonly stream: number;
  readonly fields: readonly (readonly [string, string])[];
  body: string;
  ended: boolean;
  trailers: readonly (readonly [string, string])[];
  /** The code of a RST_STREAM; -1: none came. */
  reset: number;
}

export interface SettingsSpec {
  readonly maxStreams?: number;
  readonly window?: number;
  readonly connect?: boolean;
}

/** The frame that begins at `at`; `null` when it has not come whole. */
export function frameAt(bytes: Buffer, at: number): Frame | null {
  if (bytes.length - at < HEADER_BYTES) return null;
  const start = at + HEADER_BYTES;
  const end = start + bytes.readUIntBE(at, 3);
  if (end > bytes.length) return null;
  return {
    type: FRAME_TYPES[bytes[at + 3] ?? 99] ?? assert.fail("unknown frame type"),
    flags: bytes[at + 4] ?? 0,
    stream: bytes.readUInt32BE(at + 5),
    payload: Buffer.from(bytes.subarray(start, end)),
  };
}

export class MemoryH2Backend {
  readonly peer: MemoryPeer;
  /** Everything that came, in order. */
  readonly frames: Frame[] = [];
  readonly requests: H2Request[] = [];
  readonly #decoder = new HpackDecoder({ maxListBytes: 1_000_000, maxFields: 10_000 });
  #readBytes = 0;

  constructor(peer: MemoryPeer) {
    this.peer = peer;
  }

  /** Reads what has come since the last time. */
  read(): this {
    const { bytes } = this.peer;
    if (bytes.length < PREFACE_BYTES) return this;
    if (this.#readBytes === 0) {
      assert.equal(bytes.toString("latin1", 0, PREFACE_BYTES), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      this.#readBytes = PREFACE_BYTES;
    }
    for (;;) {
      const frame = frameAt(bytes, this.#readBytes);
      if (frame === null) return this;
      this.#readBytes += HEADER_BYTES + frame.payload.length;
      this.frames.push(frame);
      this.#take(frame);
    }
  }

  /** The request that came as number `index`, as far as it has come. */
  request(index = 0): H2Request {
    return this.read().requests[index] ?? assert.fail(`${this.requests.length} requests came`);
  }

  ofType(type: FrameType): Frame[] {
    return this.read().frames.filter((frame) => frame.type === type);
  }

  send(...frames: Buffer[]): void {
    this.peer.send(Buffer.concat(frames));
  }

  /** Sends SETTINGS, and acknowledges the gateway's, which there are once in the life of a session. */
  settings(spec: SettingsSpec = {}): void {
    this.send(settingsFrame(spec), raw("SETTINGS", ACK, 0, Buffer.alloc(0)));
  }

  /** A response without body. */
  respond(stream: number, status = 200): void {
    this.send(headers(stream, [[":status", String(status)]], true));
  }

  /** A whole response. */
  answer(stream: number, body: string, status = 200): void {
    this.send(headers(stream, [[":status", String(status)]], false), data(stream, body, true));
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case "HEADERS":
        this.#takeHead(frame);
        return;
      case "DATA": {
        const request = this.#requestOf(frame);
        request.body += frame.payload.toString("latin1");
        if ((frame.flags & END_STREAM) !== 0) request.ended = true;
        return;
      }
      case "RST_STREAM":
        this.#requestOf(frame).reset = frame.payload.readUInt32BE(0);
        return;
      case "CONTINUATION":
        assert.fail("heads of tests fit into one frame");
        break;
      default:
    }
  }

  #takeHead(frame: Frame): void {
    assert.ok((frame.flags & END_HEADERS) !== 0, "heads of tests fit into one frame");
    const fields: [string, string][] = [];
    const sink: FieldSink = {
      onField: (field) =>
        void fields.push([
          field.source.latin1Slice(field.nameStart, field.nameEnd),
          field.source.latin1Slice(field.valueStart, field.valueEnd),
        ]),
    };
    const start = (frame.flags & 0x20) !== 0 ? 5 : 0;
    assert.equal(this.#decoder.decode(frame.payload, start, frame.payload.length, sink), 0);
    const ended = (frame.flags & END_STREAM) !== 0;
    const known = this.requests.find(({ stream }) => stream === frame.stream);
    if (known === undefined) {
      this.requests.push({ stream: frame.stream, fields, body: "", ended, trailers: [], reset: -1 });
      return;
    }
    known.trailers = fields;
    known.ended = ended;
  }

  #requestOf({ stream, type }: Frame): H2Request {
    return (
      this.requests.find((each) => each.stream === stream) ??
      assert.fail(`${type} on unknown stream ${stream}`)
    );
  }
}

/** Every dial of the gateway is accepted by such a backend, which sends its SETTINGS at once. */
export function h2Backends(gateway: MemoryGateway, spec: SettingsSpec = {}): MemoryH2Backend[] {
  const backends: MemoryH2Backend[] = [];
  gateway.transport.onDial = ({ peer }) => {
    const backend = new MemoryH2Backend(peer);
    backends.push(backend);
    peer.accept();
    backend.settings(spec);
  };
  return backends;
}

export function raw(type: FrameType, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = FRAME_TYPES.indexOf(type);
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

export function settingsFrame({ maxStreams, window, connect }: SettingsSpec): Buffer {
  const pairs: Buffer[] = [];
  const add = (id: number, value: number): void => {
    const pair = Buffer.alloc(6);
    pair.writeUInt16BE(id, 0);
    pair.writeUInt32BE(value, 2);
    pairs.push(pair);
  };
  if (maxStreams !== undefined) add(0x3, maxStreams);
  if (window !== undefined) add(0x4, window);
  if (connect === true) add(0x8, 1);
  return raw("SETTINGS", 0, 0, Buffer.concat(pairs));
}

/** Fields as literals without indexing and without Huffman code, which every decoder takes (RFC 7541 section 6.2.2). */
export function headers(
  stream: number,
  fields: readonly (readonly [string, string])[],
  end: boolean,
): Buffer {
  const block = Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.of(0), literal(name), literal(value)]),
  );
  return raw("HEADERS", END_HEADERS | (end ? END_STREAM : 0), stream, block);
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  assert.ok(bytes.length < 127, "texts of tests are short");
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

export function data(stream: number, body: string | Buffer, end = false): Buffer {
  return raw(
    "DATA",
    end ? END_STREAM : 0,
    stream,
    typeof body === "string" ? Buffer.from(body, "latin1") : body,
  );
}

export function rstStream(stream: number, code: number): Buffer {
  return raw("RST_STREAM", 0, stream, word(code));
}

export function goAway(lastId: number, code = 0): Buffer {
  return raw("GOAWAY", 0, 0, Buffer.concat([word(lastId), word(code)]));
}

export function windowUpdate(stream: number, bytes: number): Buffer {
  return raw("WINDOW_UPDATE", 0, stream, word(bytes));
}

export function pong(ping: Frame): Buffer {
  return raw("PING", ACK, 0, ping.payload);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
