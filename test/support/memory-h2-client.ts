/**
 * An HTTP/2 client on the memory transport, spelt in frames (RFC 9113 section 4.1): it does what the test
 * says, right or wrong. By itself it acknowledges SETTINGS and answers PINGs; windows open only when it is
 * told so.
 */
import assert from "node:assert/strict";
import type { TlsInfo } from "../../src/fastpath/tls.ts";
import { HpackDecoder } from "../../src/wire/hpack/decoder.ts";
import type { FieldSink } from "../../src/wire/field-codec/field-view.ts";
import { data, type Frame, frameAt, HEADER_BYTES, headers, raw, settingsFrame } from "./memory-h2.ts";
import type { MemoryGateway } from "./memory-gateway.ts";
import type { MemoryPeer } from "./memory-peer.ts";

const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const ACK = 0x1;

export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

export type Pairs = readonly (readonly [string, string])[];

export interface H2Response {
  readonly stream: number;
  /** Statuses of 1xx heads. */
  readonly informational: number[];
  status: number;
  fields: Pairs;
  body: string;
  trailers: Pairs;
  ended: boolean;
  /** The code of a RST_STREAM; -1: none came. */
  reset: number;
}

export interface H2ClientSpec {
  /** What TLS agreed on; without it, the client knows beforehand that HTTP/2 is spoken. */
  readonly tls?: Partial<TlsInfo>;
  readonly window?: number;
  readonly address?: string;
}

export class MemoryH2Client {
  readonly peer: MemoryPeer;
  readonly frames: Frame[] = [];
  /** Whether PINGs are answered. */
  answersPings = true;
  readonly #responses = new Map<number, H2Response>();
  readonly #decoder = new HpackDecoder({ maxListBytes: 1_000_000, maxFields: 10_000 });
  #readBytes = 0;
  #block: { readonly stream: number; readonly ended: boolean; readonly parts: Buffer[] } | null = null;

  constructor(gateway: MemoryGateway, { tls, window, address = "192.0.2.1" }: H2ClientSpec = {}) {
    this.peer = gateway.client(address);
    if (tls !== undefined) this.peer.handshake({ alpn: "h2", ...tls });
    this.send(Buffer.from(PREFACE), settingsFrame(window === undefined ? {} : { window }));
  }

  send(...frames: Buffer[]): this {
    this.peer.send(Buffer.concat(frames));
    return this.read();
  }

  /** A request; further fields behind the pseudo-fields. */
  request(stream: number, path: string, spec: RequestSpec = {}): this {
    const { method = "GET", fields = [], body, end = true, authority = "app.example" } = spec;
    const head = headers(
      stream,
      [[":method", method], [":scheme", "http"], [":authority", authority], [":path", path], ...fields],
      end && body === undefined,
    );
    return body === undefined ? this.send(head) : this.send(head, data(stream, body, end));
  }

  /** Reads what has come since the last time. */
  read(): this {
    const { bytes } = this.peer;
    for (;;) {
      const frame = frameAt(bytes, this.#readBytes);
      if (frame === null) return this;
      this.#readBytes += HEADER_BYTES + frame.payload.length;
      this.frames.push(frame);
      this.#take(frame);
    }
  }

  response(stream = 1): H2Response {
    this.read();
    return this.#responseOf(stream);
  }

  /** `status body` of a response that is whole; else what is wrong with it. */
  told(stream = 1): string {
    const { status, body, ended, reset } = this.response(stream);
    if (reset !== -1 && !ended) return `reset ${reset}`;
    return `${status} ${body.trimEnd()}${ended ? "" : " ..."}`;
  }

  /** The value of a field of a response. */
  field(stream: number, name: string): string | undefined {
    return this.response(stream).fields.find(([each]) => each === name)?.[1];
  }

  ofType(type: Frame["type"]): Frame[] {
    return this.read().frames.filter((frame) => frame.type === type);
  }

  /** Last stream and code of each GOAWAY. */
  get goAways(): [number, number][] {
    return this.ofType("GOAWAY").map(({ payload }) => [payload.readUInt32BE(0), payload.readUInt32BE(4)]);
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case "SETTINGS":
        if ((frame.flags & ACK) === 0) this.peer.send(raw("SETTINGS", ACK, 0, Buffer.alloc(0)));
        return;
      case "PING":
        if ((frame.flags & ACK) === 0 && this.answersPings)
          this.peer.send(raw("PING", ACK, 0, frame.payload));
        return;
      case "HEADERS":
      case "CONTINUATION":
        this.#takeBlock(frame);
        return;
      case "DATA": {
        const response = this.#responseOf(frame.stream);
        assert.ok(response.status >= 200, "DATA before the final head");
        assert.ok(!response.ended, "DATA behind the end");
        response.body += frame.payload.toString("latin1");
        response.ended = (frame.flags & END_STREAM) !== 0;
        return;
      }
      case "RST_STREAM":
        this.#responseOf(frame.stream).reset = frame.payload.readUInt32BE(0);
        return;
      default:
    }
  }

  #takeBlock({ stream, flags, type, payload }: Frame): void {
    if (type === "HEADERS") this.#block = { stream, ended: (flags & END_STREAM) !== 0, parts: [] };
    const block = this.#block ?? assert.fail("CONTINUATION without HEADERS");
    block.parts.push(payload);
    if ((flags & END_HEADERS) === 0) return;
    this.#block = null;
    const fields: [string, string][] = [];
    const sink: FieldSink = {
      onField: (field) =>
        void fields.push([
          field.source.latin1Slice(field.nameStart, field.nameEnd),
          field.source.latin1Slice(field.valueStart, field.valueEnd),
        ]),
    };
    const bytes = Buffer.concat(block.parts);
    assert.equal(this.#decoder.decode(bytes, 0, bytes.length, sink), 0);
    this.#takeFields(this.#responseOf(stream), fields, block.ended);
  }

  #takeFields(response: H2Response, fields: Pairs, ended: boolean): void {
    assert.ok(!response.ended, "HEADERS behind the end");
    response.ended = ended;
    if (response.status >= 200) {
      response.trailers = fields;
      return;
    }
    const status = Number(fields.find(([name]) => name === ":status")?.[1]);
    if (status < 200) {
      response.informational.push(status);
    } else {
      response.status = status;
      response.fields = fields;
    }
  }

  #responseOf(stream: number): H2Response {
    const known = this.#responses.get(stream);
    if (known !== undefined) return known;
    const made: H2Response = {
      stream,
      informational: [],
      status: 0,
      fields: [],
      body: "",
      trailers: [],
      ended: false,
      reset: -1,
    };
    this.#responses.set(stream, made);
    return made;
  }
}

export interface RequestSpec {
  readonly method?: string;
  readonly authority?: string;
  readonly fields?: Pairs;
  /** What follows the head. */
  readonly body?: string;
  /** Whether the request ends with that. Default: yes. */
  readonly end?: boolean;
}
