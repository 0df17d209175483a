/**
 * An HTTP/2 connection with a recording owner and a sink in memory, for tests of `wire/h2`: what the
 * owner hears becomes lines of text, and so do the frames that were written.
 */
import type { Fault } from "../../src/base/fault.ts";
import { H2Connection } from "../../src/wire/h2/h2-connection.ts";
import type { H2Error } from "../../src/wire/h2/h2-error.ts";
import { DEFAULT_H2_LIMITS, type H2Limits } from "../../src/wire/h2/h2-limits.ts";
import type { H2ClientOwner, H2ServerOwner } from "../../src/wire/h2/h2-owner.ts";
import type { H2Sink } from "../../src/wire/h2/h2-sink.ts";
import type { H2Stream } from "../../src/wire/h2/h2-stream.ts";
import type { Fields } from "../../src/wire/http/fields.ts";
import { RequestHead, ResponseHead } from "../../src/wire/http/message.ts";
import { clientPreface, FrameLog, settings } from "./h2-dsl.ts";

const ARENA_BYTES = 65_536;

/** Takes what is sent; a test says when it is blocked, and takes the bytes away. */
export class MemorySink implements H2Sink {
  out: Buffer = Buffer.alloc(ARENA_BYTES);
  /** Octets from which on the sink is blocked. */
  highWaterBytes = Infinity;
  flushes = 0;
  #parts: Buffer[] = [];
  #queuedBytes = 0;

  reserve(size: number): number {
    // Another arena each time that it grows: nobody may hold on to the one before.
    if (size > this.out.length) this.out = Buffer.alloc(size * 2);
    return 0;
  }

  send(start: number, end: number): void {
    this.#parts.push(Buffer.from(this.out.subarray(start, end)));
    this.#queuedBytes += end - start;
  }

  blocked(): boolean {
    return this.#queuedBytes >= this.highWaterBytes;
  }

  flush(): void {
    this.flushes++;
  }

  queuedBytes(): number {
    return this.#queuedBytes;
  }

  take(): Buffer {
    const taken = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#queuedBytes = 0;
    return taken;
  }
}

/** What every owner notes. Heads are made anew for each stream; data is passed on at once unless `hold`. */
export class RecordingOwner implements H2ServerOwner, H2ClientOwner {
  events: string[] = [];
  connection!: H2Connection;
  /** Octets are not passed on. */
  hold = false;
  readonly heads: Map<number, RequestHead> = new Map();
  readonly responses: Map<number, ResponseHead> = new Map();
  readonly streams: Map<number, H2Stream> = new Map();
  readonly trailers: Map<number, [string, string][]> = new Map();
  /** What a test adds to the calls. */
  onRequestHook: (stream: H2Stream, head: RequestHead, ended: boolean) => void = () => {};
  onResponseHook: (stream: H2Stream, head: ResponseHead) => void = () => {};
  onEndHook: (stream: H2Stream) => void = () => {};
  onDataHook: (stream: H2Stream, bytes: Buffer) => void = () => {};
  onDrainedHook: (stream: H2Stream) => void = () => {};

  requestHead(stream: H2Stream): RequestHead {
    const head = new RequestHead();
    this.heads.set(stream.id, head);
    this.streams.set(stream.id, stream);
    return head;
  }

  responseHead(stream: H2Stream): ResponseHead {
    const head = new ResponseHead();
    this.responses.set(stream.id, head);
    this.streams.set(stream.id, stream);
    return head;
  }

  onRequest(stream: H2Stream, ended: boolean): void {
    const head = this.heads.get(stream.id) as RequestHead;
    this.#note(stream, `request ${head.method} ${head.authority}${head.path}${ended ? " ended" : ""}`);
    this.onRequestHook(stream, head, ended);
  }

  onBadRequest(stream: H2Stream, fault: Fault): void {
    this.#note(stream, `bad ${fault.code}`);
  }

  onInformational(stream: H2Stream): void {
    this.#note(stream, `informational ${this.responses.get(stream.id)?.status}`);
  }

  onResponse(stream: H2Stream, ended: boolean): void {
    const head = this.responses.get(stream.id) as ResponseHead;
    this.#note(stream, `response ${head.status}${ended ? " ended" : ""}`);
    this.onResponseHook(stream, head);
  }

  onData(stream: H2Stream, bytes: Buffer, start: number, end: number): void {
    const last = this.events.length - 1;
    const text = bytes.latin1Slice(start, end);
    // Parts of a body are one event, however they came.
    if (last >= 0 && (this.events[last] as string).startsWith(`${stream.id} data `))
      this.events[last] += text;
    else this.#note(stream, `data ${text}`);
    this.onDataHook(stream, bytes.subarray(start, end));
    if (!this.hold) this.connection.consumed(stream, end - start);
  }

  onEnd(stream: H2Stream, trailers: Fields): void {
    const list = trailers.toArray();
    this.trailers.set(stream.id, list);
    const fields = list.map(([name, value]) => ` ${name}=${value}`);
    this.#note(stream, `end${fields.join("")}`);
    this.onEndHook(stream);
  }

  onStreamDrained(stream: H2Stream): void {
    this.#note(stream, "drained");
    this.onDrainedHook(stream);
  }

  onStreamClosed(stream: H2Stream): void {
    this.#note(stream, "closed");
  }

  onStreamError(stream: H2Stream, error: H2Error): void {
    this.#note(stream, `error ${error.origin} ${error.toString()}${error.unprocessed ? " unprocessed" : ""}`);
  }

  onSettings(): void {
    this.events.push("settings");
  }

  onGoAway(code: number, lastId: number, text: string): void {
    this.events.push(`goaway ${code} ${lastId} ${text}`);
  }

  onPong(roundTripMs: number): void {
    this.events.push(`pong ${roundTripMs}`);
  }

  onConnectionError(error: H2Error): void {
    this.events.push(`failed ${error.toString()}${error.budget === "" ? "" : ` [${error.budget}]`}`);
  }

  #note(stream: H2Stream, text: string): void {
    this.events.push(`${stream.id} ${text}`);
  }
}

export interface EndpointOptions {
  readonly role?: "server" | "client";
  readonly limits?: Partial<H2Limits>;
}

export class H2Endpoint {
  readonly owner: RecordingOwner = new RecordingOwner();
  readonly sink: MemorySink = new MemorySink();
  readonly clock = { nowMs: 1000 };
  readonly connection: H2Connection;
  readonly #log = new FrameLog();

  constructor(options: EndpointOptions = {}) {
    const { owner, sink, clock } = this;
    const limits = { ...DEFAULT_H2_LIMITS, ...options.limits };
    this.connection =
      options.role === "client"
        ? new H2Connection({ role: "client", scheme: "https", owner, sink, clock, limits })
        : new H2Connection({ role: "server", owner, sink, clock, limits });
    owner.connection = this.connection;
    this.connection.start();
  }

  /** An endpoint that has exchanged prefaces; nothing of them is in `events` or `frames`. */
  static settled(options: EndpointOptions = {}): H2Endpoint {
    const endpoint = new H2Endpoint(options);
    const first = options.role === "client" ? settings() : clientPreface();
    endpoint.receive(first);
    endpoint.events();
    endpoint.frames();
    return endpoint;
  }

  receive(...parts: readonly Buffer[]): void {
    const bytes = Buffer.concat(parts);
    this.connection.receive(bytes, 0, bytes.length);
  }

  /** What the owner heard since the last call. */
  events(): string[] {
    const { events } = this.owner;
    this.owner.events = [];
    return events;
  }

  /** The frames that were written since the last call; the sink is drained by it. */
  frames(): string[] {
    const bytes = this.sink.take();
    const magic = bytes.latin1Slice(0, 3) === "PRI" ? 24 : 0;
    return this.#log.lines(bytes.subarray(magic));
  }

  stream(id: number): H2Stream {
    const stream = this.owner.streams.get(id);
    if (stream === undefined) throw new Error(`no stream ${id}`);
    return stream;
  }
}

/** A response head for tests. */
export function responseHead(
  status: number,
  bodyLength: number,
  fields: readonly [string, string][] = [],
): ResponseHead {
  const head = new ResponseHead();
  head.status = status;
  head.bodyLength = bodyLength;
  for (const [name, value] of fields) addField(head.fields, name, value);
  return head;
}

/** As a codec adds it, with the id that the name has. */
export function addField(fields: Fields, name: string, value: string): void {
  const bytes = Buffer.from(name + value, "latin1");
  fields.addBytes(bytes, 0, name.length, name.length, bytes.length);
}

/** A request head for tests. */
export function requestHead(method: string, path: string, bodyLength = 0): RequestHead {
  const head = new RequestHead();
  head.method = method;
  head.authority = "example.com";
  head.path = path;
  head.bodyLength = bodyLength;
  return head;
}
