/**
 * One end of an HTTP/2 connection that sends whatever frames it is told to and notes those that come: what
 * attackers (`h2-attacker.ts`) and rogue backends (`rogue-backend.ts`) have in common. It keeps to no rule of
 * RFC 9113 by itself, except that it answers SETTINGS and PING while `polite`.
 */
import type { Socket } from "node:net";
import { h2CodeName } from "../../src/wire/h2/error-code.ts";
import { FrameHeader } from "../../src/wire/h2/frame/frame-header.ts";
import { Flag, FRAME_HEADER_BYTES, FrameType } from "../../src/wire/h2/frame/frame-type.ts";
import { HpackDecoder } from "../../src/wire/hpack/decoder.ts";
import { ByteQueue } from "./byte-queue.ts";
import { type FieldList, ping, SETTINGS_ACK } from "./h2-dsl.ts";
import { waitFor } from "./wait-for.ts";

/** What has come on one stream. */
export interface SeenStream {
  /** Each header block, in order: 1xx, the head, trailers; or the head and trailers of a request. */
  readonly blocks: FieldList[];
  body: string;
  dataFrames: number;
  ended: boolean;
  /** Of RST_STREAM. */
  reset: number | undefined;
}

/**
 * How a peer sees that it was given up for its cost. Whoever goes on sending is cut off, and may lose the
 * GOAWAY with what it has not read.
 */
export const GIVEN_UP: RegExp = /^(GOAWAY ENHANCE_YOUR_CALM|closed)$/;

/** Text kept of a body; the rest is only counted. */
const MAX_BODY_CHARS = 65_536;

/** A peer that does not take what is written for so long has stopped reading. */
const HELD_BACK_MS = 3000;

export class H2WirePeer {
  readonly socket: Socket;
  /** Answers SETTINGS and PING. */
  polite = true;
  /** A header block is complete: called for each, on whatever stream. */
  onBlock: (streamId: number, stream: SeenStream) => void = () => {};
  /** GOAWAYs that came, the last one last. */
  readonly goAways: { readonly code: number; readonly lastId: number; readonly text: string }[] = [];
  readonly streams: Map<number, SeenStream> = new Map();
  /** Frames by type. */
  readonly frames: Map<number, number> = new Map();
  readonly settings: Map<number, number> = new Map();
  dataBytes = 0;
  /** The connection is over: FIN, RST, or an error. */
  over = false;
  readonly #queue = new ByteQueue();
  readonly #header = new FrameHeader();
  readonly #decoder = new HpackDecoder({ maxListBytes: 4_194_304, maxFields: 100_000 });
  #block: Buffer[] = [];
  #skip: number;

  /** `skip`: octets in front of the first frame, the client's preface. */
  constructor(socket: Socket, skip = 0) {
    this.socket = socket;
    this.#skip = skip;
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    socket.on("error", () => this.#finish());
    socket.on("end", () => this.#finish());
    socket.on("close", () => this.#finish());
  }

  /** Writes; nothing happens once the connection is over. False: the socket's buffer is full. */
  send(...parts: readonly Buffer[]): boolean {
    if (!this.socket.writable) return true;
    return this.socket.write(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts));
  }

  /**
   * Writes part after part as fast as the other side takes them, until there are `count`, the connection is
   * over or given up by GOAWAY, or nothing is taken any more. Returns how many were written.
   */
  async flood(part: (index: number) => Buffer, count: number): Promise<number> {
    for (let index = 0; index < count; index++) {
      if (this.over || this.goAways.length > 0) return index;
      if (!this.send(part(index)) && !(await this.#drained())) return index + 1;
      // What has come meanwhile is read.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return count;
  }

  /** What happened to a stream: `200`, `200 cut`, `RST PROTOCOL_ERROR`; or to the connection: `GOAWAY ...`, `closed`. */
  async outcome(streamId: number, timeoutMs = 5000): Promise<string> {
    return await waitFor(`the outcome of stream ${streamId}`, () => this.outcomeNow(streamId), {
      timeoutMs,
      everyMs: 1,
    });
  }

  outcomeNow(streamId: number): string | undefined {
    const stream = this.streams.get(streamId);
    const head = stream?.blocks.find((block) => !statusOf(block).startsWith("1"));
    if (stream !== undefined && head !== undefined) {
      if (stream.ended) return statusOf(head);
      if (stream.reset !== undefined || this.over) return `${statusOf(head)} cut`;
    }
    if (stream?.reset !== undefined) return `RST ${h2CodeName(stream.reset)}`;
    return this.endNow();
  }

  /** How the connection was given up. */
  async end(timeoutMs = 10_000): Promise<string> {
    const context = (): string => JSON.stringify([...this.frames]);
    return await waitFor("the connection to be given up", () => this.endNow(), { timeoutMs, context });
  }

  endNow(): string | undefined {
    const last = this.goAways.at(-1);
    if (last !== undefined && last.code !== 0) return `GOAWAY ${h2CodeName(last.code)}`;
    return this.over ? "closed" : undefined;
  }

  count(type: number): number {
    return this.frames.get(type) ?? 0;
  }

  /** Stops reading: the kernel's buffers fill, then the gateway's writes stall. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** What has come on this stream by now. */
  stream(id: number): SeenStream {
    let stream = this.streams.get(id);
    if (stream === undefined) {
      stream = { blocks: [], body: "", dataFrames: 0, ended: false, reset: undefined };
      this.streams.set(id, stream);
    }
    return stream;
  }

  /** True: the socket takes more. False: it does not, for long. */
  async #drained(): Promise<boolean> {
    const deadline = performance.now() + HELD_BACK_MS;
    while (this.socket.writableNeedDrain && !this.over) {
      if (performance.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return true;
  }

  #finish(): void {
    this.over = true;
  }

  #receive(bytes: Buffer): void {
    const skipped = Math.min(this.#skip, bytes.length);
    this.#skip -= skipped;
    this.#queue.append(bytes.subarray(skipped));
    for (;;) {
      const view = this.#queue.view();
      if (view.length < FRAME_HEADER_BYTES) return;
      this.#header.read(view, 0);
      const end = FRAME_HEADER_BYTES + this.#header.length;
      if (view.length < end) return;
      this.#take(Buffer.from(view.subarray(FRAME_HEADER_BYTES, end)));
      this.#queue.skip(end);
    }
  }

  #take(payload: Buffer): void {
    const { type, flags, streamId } = this.#header;
    this.frames.set(type, this.count(type) + 1);
    switch (type) {
      case FrameType.data:
        return this.#takeData(payload);
      case FrameType.headers:
      case FrameType.continuation:
        return this.#takeFragment(payload);
      case FrameType.rstStream:
        this.stream(streamId).reset ??= payload.readUInt32BE(0);
        return;
      case FrameType.goAway:
        this.goAways.push({
          lastId: payload.readUInt32BE(0),
          code: payload.readUInt32BE(4),
          text: payload.latin1Slice(8),
        });
        return;
      case FrameType.ping:
        if (this.polite && (flags & Flag.ack) === 0) this.send(ping(payload.latin1Slice(), true));
        return;
      case FrameType.settings:
        return this.#takeSettings(payload);
    }
  }

  #takeData(payload: Buffer): void {
    const stream = this.stream(this.#header.streamId);
    this.dataBytes += payload.length;
    stream.dataFrames++;
    if (stream.body.length < MAX_BODY_CHARS) stream.body += payload.latin1Slice();
    if ((this.#header.flags & Flag.endStream) !== 0) stream.ended = true;
  }

  #takeFragment(payload: Buffer): void {
    const { flags, streamId, type } = this.#header;
    const stream = this.stream(streamId);
    if (type === FrameType.headers && (flags & Flag.endStream) !== 0) stream.ended = true;
    const withPriority = type === FrameType.headers && (flags & Flag.priority) !== 0;
    this.#block.push(withPriority ? payload.subarray(5) : payload);
    if ((flags & Flag.endHeaders) === 0) return;
    const whole = Buffer.concat(this.#block);
    this.#block = [];
    const fields: [string, string][] = [];
    this.#decoder.decode(whole, 0, whole.length, {
      onField({ source, nameStart, nameEnd, valueStart, valueEnd }) {
        fields.push([source.latin1Slice(nameStart, nameEnd), source.latin1Slice(valueStart, valueEnd)]);
      },
    });
    stream.blocks.push(fields);
    this.onBlock(streamId, stream);
  }

  #takeSettings(payload: Buffer): void {
    if ((this.#header.flags & Flag.ack) !== 0) return;
    for (let at = 0; at < payload.length; at += 6)
      this.settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    if (this.polite) this.send(SETTINGS_ACK);
  }
}

function statusOf(block: FieldList): string {
  return block.find(([name]) => name === ":status")?.[1] ?? "";
}
