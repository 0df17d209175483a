/**
 * An HTTP/3 connection with a recording owner and QUIC in memory, for tests of `wire/h3`: what the owner
 * hears becomes lines of text, and so does what was done to QUIC.
 */
import type { Fault } from "../../src/base/fault.ts";
import { h3CodeName } from "../../src/wire/h3/error-code.ts";
import { H3Connection } from "../../src/wire/h3/h3-connection.ts";
import type { H3Error } from "../../src/wire/h3/h3-error.ts";
import { DEFAULT_H3_LIMITS, type H3Limits } from "../../src/wire/h3/h3-limits.ts";
import type { H3ClientOwner, H3ServerOwner } from "../../src/wire/h3/h3-owner.ts";
import type { H3Sink } from "../../src/wire/h3/h3-sink.ts";
import type { H3Stream } from "../../src/wire/h3/h3-stream.ts";
import type { Fields } from "../../src/wire/http/fields.ts";
import { RequestHead, ResponseHead } from "../../src/wire/http/message.ts";
import { FrameLines, settings, stream } from "./h3-dsl.ts";

/** One call of `write`. */
export interface Write {
  readonly id: number;
  readonly bytes: Buffer;
  readonly fin: boolean;
}

/** Takes what is written; a test says how much, and looks at it. */
export class MemoryQuic implements H3Sink {
  /** What QUIC was told, in order: writes as frames, and everything else as a line. */
  lines: string[] = [];
  writes: Write[] = [];
  /** Octets that a stream takes; those that are not named take any number. */
  readonly room = new Map<number, number>();
  /** Streams that the peer allows. */
  bidirectional = 100;
  unidirectional = 3;
  readonly #isServer: boolean;
  readonly #logs = new Map<number, FrameLines>();
  #bidirectionalOpened = 0;
  #unidirectionalOpened = 0;

  constructor(isServer: boolean) {
    this.#isServer = isServer;
  }

  openUnidirectional(): number {
    if (this.#unidirectionalOpened === this.unidirectional) return -1;
    return this.#unidirectionalOpened++ * 4 + (this.#isServer ? 3 : 2);
  }

  openBidirectional(): number {
    return this.#bidirectionalOpened === this.bidirectional ? -1 : this.#bidirectionalOpened++ * 4;
  }

  bidirectionalLeft(): number {
    return this.bidirectional - this.#bidirectionalOpened;
  }

  write(id: number, bytes: Buffer, start: number, end: number, fin: boolean): number {
    const room = this.room.get(id) ?? Infinity;
    if (room < 0) return -1;
    const taken = Math.min(end - start, room);
    if (room !== Infinity) this.room.set(id, room - taken);
    const copy = Buffer.from(bytes.subarray(start, start + taken));
    const ended = fin && taken === end - start;
    this.writes.push({ id, bytes: copy, fin: ended });
    for (const line of this.#log(id, copy)) this.lines.push(`${id} ${line}`);
    if (ended) this.lines.push(`${id} FIN`);
    return taken;
  }

  reset(id: number, code: number): void {
    this.lines.push(`${id} reset ${h3CodeName(code)}`);
  }

  stop(id: number, code: number): void {
    this.lines.push(`${id} stop ${h3CodeName(code)}`);
  }

  pause(id: number): void {
    this.lines.push(`${id} pause`);
  }

  resume(id: number): void {
    this.lines.push(`${id} resume`);
  }

  prioritise(id: number, urgency: number, incremental: boolean): void {
    this.lines.push(`${id} u=${urgency}${incremental ? ", i" : ""}`);
  }

  /** Tests call `flush`. */
  wake(): void {}

  close(code: number, reason: string): void {
    this.lines.push(`close ${h3CodeName(code)}: ${reason}`);
  }

  #log(id: number, bytes: Buffer): string[] {
    const isFirst = !this.#logs.has(id);
    const log = this.#logs.get(id) ?? new FrameLines();
    this.#logs.set(id, log);
    if (id % 4 < 2) return log.add(bytes);
    // Of the three, only the control stream has frames; each begins with its type.
    if (!isFirst) return id < 4 ? log.add(bytes) : [bytes.toString("hex")];
    return [`type ${bytes[0]}`, ...(id < 4 ? log.add(bytes.subarray(1)) : [])];
  }
}

/** What every owner notes. Heads are made anew for each stream. */
export class H3RecordingOwner implements H3ServerOwner, H3ClientOwner {
  events: string[] = [];
  readonly heads: Map<number, RequestHead> = new Map();
  readonly responses: Map<number, ResponseHead> = new Map();
  readonly streams: Map<number, H3Stream> = new Map();
  /** What a test adds to the calls. */
  onRequestHook: (stream: H3Stream, ended: boolean) => void = () => {};
  onEndHook: (stream: H3Stream) => void = () => {};
  onDataHook: (stream: H3Stream, bytes: Buffer) => void = () => {};
  onDrainedHook: (stream: H3Stream) => void = () => {};
  onBadRequestHook: (stream: H3Stream) => void = () => {};

  requestHead(stream: H3Stream): RequestHead {
    const head = new RequestHead();
    this.heads.set(stream.id, head);
    this.streams.set(stream.id, stream);
    return head;
  }

  responseHead(stream: H3Stream): ResponseHead {
    const head = new ResponseHead();
    this.responses.set(stream.id, head);
    this.streams.set(stream.id, stream);
    return head;
  }

  onRequest(stream: H3Stream, ended: boolean): void {
    const head = this.heads.get(stream.id) as RequestHead;
    this.#note(stream, `request ${head.method} ${head.authority}${head.path}${ended ? " ended" : ""}`);
    this.onRequestHook(stream, ended);
  }

  onBadRequest(stream: H3Stream, fault: Fault): void {
    this.#note(stream, `bad ${fault.code}`);
    this.onBadRequestHook(stream);
  }

  onInformational(stream: H3Stream): void {
    this.#note(stream, `informational ${this.responses.get(stream.id)?.status}`);
  }

  onResponse(stream: H3Stream, ended: boolean): void {
    this.#note(stream, `response ${this.responses.get(stream.id)?.status}${ended ? " ended" : ""}`);
  }

  onData(stream: H3Stream, bytes: Buffer, start: number, end: number): void {
    const last = this.events.length - 1;
    const text = bytes.latin1Slice(start, end);
    // Parts of a body are one event, however they came.
    if (last >= 0 && (this.events[last] as string).startsWith(`${stream.id} data `))
      this.events[last] += text;
    else this.#note(stream, `data ${text}`);
    this.onDataHook(stream, bytes.subarray(start, end));
  }

  onEnd(stream: H3Stream, trailers: Fields): void {
    const fields = trailers.toArray().map(([name, value]) => ` ${name}=${value}`);
    this.#note(stream, `end${fields.join("")}`);
    this.onEndHook(stream);
  }

  onStreamDrained(stream: H3Stream): void {
    this.#note(stream, "drained");
    this.onDrainedHook(stream);
  }

  onStreamClosed(stream: H3Stream): void {
    this.#note(stream, "closed");
  }

  onStreamError(stream: H3Stream, error: H3Error): void {
    this.#note(stream, `error ${error.origin} ${error.toString()}${error.unprocessed ? " unprocessed" : ""}`);
  }

  onSettings(): void {
    this.events.push("settings");
  }

  onGoAway(id: number): void {
    this.events.push(`goaway ${id}`);
  }

  onConnectionError(error: H3Error): void {
    this.events.push(`failed ${error.toString()}${error.budget === "" ? "" : ` [${error.budget}]`}`);
  }

  #note(stream: H3Stream, text: string): void {
    this.events.push(`${stream.id} ${text}`);
  }
}

export interface H3EndpointOptions {
  readonly role?: "server" | "client";
  readonly limits?: Partial<H3Limits>;
  /** Unidirectional streams that the peer allows at first. */
  readonly unidirectional?: number;
}

export class H3Endpoint {
  readonly owner: H3RecordingOwner = new H3RecordingOwner();
  readonly quic: MemoryQuic;
  readonly clock = { nowMs: 1000 };
  readonly connection: H3Connection;
  /** The peer's control stream; its QPACK streams follow. */
  readonly control: number;

  constructor(options: H3EndpointOptions = {}) {
    const isServer = options.role !== "client";
    const { owner, clock } = this;
    const quic = new MemoryQuic(isServer);
    this.quic = quic;
    quic.unidirectional = options.unidirectional ?? quic.unidirectional;
    this.control = isServer ? 2 : 3;
    const limits = { ...DEFAULT_H3_LIMITS, ...options.limits };
    this.connection = isServer
      ? new H3Connection({ role: "server", owner, sink: quic, clock, limits })
      : new H3Connection({ role: "client", scheme: "https", owner, sink: quic, clock, limits });
    this.connection.start();
  }

  /** An endpoint that has exchanged SETTINGS; nothing of them is in `events` or `lines`. */
  static settled(options: H3EndpointOptions = {}): H3Endpoint {
    const endpoint = new H3Endpoint(options);
    endpoint.receive(endpoint.control, stream(0, settings()));
    endpoint.events();
    endpoint.lines();
    return endpoint;
  }

  /** Octets of a stream, in one read. */
  receive(id: number, bytes: Buffer, fin = false): void {
    this.connection.streamData(id, bytes, 0, bytes.length, fin);
  }

  /** More frames on the peer's control stream. */
  receiveControl(...frames: readonly Buffer[]): void {
    this.receive(this.control, Buffer.concat(frames));
  }

  /** A request, or a response, whole. */
  message(id: number, ...frames: readonly Buffer[]): void {
    this.receive(id, Buffer.concat(frames), true);
  }

  /** What the owner heard since the last call. */
  events(): string[] {
    const { events } = this.owner;
    this.owner.events = [];
    return events;
  }

  /** What QUIC was told since the last call. */
  lines(): string[] {
    this.connection.flush();
    const { lines } = this.quic;
    this.quic.lines = [];
    this.quic.writes = [];
    return lines;
  }

  stream(id: number): H3Stream {
    const found = this.owner.streams.get(id);
    if (found === undefined) throw new Error(`no stream ${id}`);
    return found;
  }
}
