/** An HTTP/3 server over real QUIC, for tests of the upstream side: it notes requests, and a test says what becomes of them. */
import type { QuicClose } from "../../src/fastpath/quic-engine.ts";
import type { QuicServed } from "../../src/proxy/quic/listener-settings.ts";
import type { QuicConnection } from "../../src/proxy/quic/quic-connection.ts";
import { H3Code } from "../../src/wire/h3/error-code.ts";
import { H3Connection } from "../../src/wire/h3/h3-connection.ts";
import type { H3Error } from "../../src/wire/h3/h3-error.ts";
import { DEFAULT_H3_LIMITS, type H3Limits } from "../../src/wire/h3/h3-limits.ts";
import type { H3ServerOwner } from "../../src/wire/h3/h3-owner.ts";
import type { H3Stream } from "../../src/wire/h3/h3-stream.ts";
import { Fields } from "../../src/wire/http/fields.ts";
import { RequestHead, ResponseHead, UNKNOWN_LENGTH } from "../../src/wire/http/message.ts";
import type { TestIdentity } from "./certificates.ts";
import type { QuicWorld, TestListener } from "./quic-world.ts";
import { TRANSPORT } from "./quic-world.ts";

export type FieldList = readonly (readonly [name: string, value: string])[];

/** One request, and the means to answer it. */
export class ServedRequest {
  readonly served: ServedH3;
  readonly stream: H3Stream;
  readonly head = new RequestHead();
  readonly parts: Buffer[] = [];
  receivedBytes = 0;
  ended = false;
  trailers: [string, string][] = [];
  /** What it was ended with before its time. */
  error = "";
  /** False: the body is taken off QUIC no further than it was. */
  takes = true;
  onDrained: () => void = () => {};

  constructor(served: ServedH3, stream: H3Stream) {
    this.served = served;
    this.stream = stream;
  }

  get text(): string {
    return Buffer.concat(this.parts).toString("latin1");
  }

  field(name: string): string | undefined {
    return this.head.fields.toArray().find(([each]) => each.toLowerCase() === name)?.[1];
  }

  head1xx(status: number, ...fields: FieldList): void {
    this.sendHead(status, fields, false);
  }

  sendHead(status: number, fields: FieldList = [], ended = false): void {
    const head = new ResponseHead();
    head.status = status;
    head.bodyLength = UNKNOWN_LENGTH;
    for (const [name, value] of fields) head.fields.addNamed(name, value);
    this.served.connection.sendHead(this.stream, head, ended);
  }

  send(data: string | Buffer): boolean {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    return this.served.connection.sendData(this.stream, bytes, 0, bytes.length);
  }

  end(...trailers: FieldList): void {
    const fields = new Fields();
    for (const [name, value] of trailers) fields.addNamed(name, value);
    this.served.connection.sendEnd(this.stream, trailers.length === 0 ? null : fields);
  }

  answer(text: string, status = 200): void {
    this.sendHead(status);
    this.send(text);
    this.end();
  }

  /** Sends so many octets as they are taken, then the end. */
  pour(octets: number): void {
    const block = Buffer.alloc(65_536, "x");
    let left = octets;
    const go = (): void => {
      while (left > 0) {
        const size = Math.min(left, block.length);
        left -= size;
        if (!this.send(block.subarray(0, size)) && left > 0) return;
      }
      this.end();
    };
    this.onDrained = go;
    go();
  }

  reset(code: H3Code): void {
    this.served.connection.reset(this.stream, code);
  }

  /** The body goes on. */
  take(): void {
    this.takes = true;
    this.served.connection.consumed(this.stream, this.heldBytes);
    this.heldBytes = 0;
  }

  heldBytes = 0;
}

/** One connection of the server's. */
export class ServedH3 implements QuicServed, H3ServerOwner {
  readonly link: QuicConnection;
  readonly connection: H3Connection;
  readonly requests: ServedRequest[] = [];
  closed: QuicClose | null = null;
  readonly #backend: H3Backend;

  constructor(backend: H3Backend, link: QuicConnection) {
    this.#backend = backend;
    this.link = link;
    const clock = backend.world.clock;
    const limits = { ...DEFAULT_H3_LIMITS, connectProtocol: true, ...backend.limits };
    this.connection = new H3Connection({ role: "server", limits, sink: link, clock, owner: this });
    if (backend.settings) this.connection.start();
  }

  announceClose(): void {}

  abort(): boolean {
    this.link.close(H3Code.noError, "");
    return true;
  }

  onEstablished(): void {}

  onStreamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    this.connection.streamData(id, bytes, start, end, fin);
  }

  onStreamReset(id: number, code: number): void {
    this.connection.streamReset(id, code);
  }

  onStreamStopped(id: number, code: number): void {
    this.connection.streamStopped(id, code);
  }

  onStreamWritable(id: number): void {
    this.connection.streamWritable(id);
  }

  onStreamsAllowed(): void {
    this.connection.streamsAllowed();
  }

  onDatagram(): void {}

  beforeSend(): void {
    this.connection.flush();
  }

  onClosed(reason: QuicClose): void {
    this.closed = reason;
    this.connection.closed(reason.reason);
  }

  requestHead(stream: H3Stream): RequestHead {
    const request = new ServedRequest(this, stream);
    stream.user = request;
    return request.head;
  }

  onRequest(stream: H3Stream): void {
    const request = requestOf(stream);
    this.requests.push(request);
    this.#backend.requests.push(request);
    this.#backend.onRequest(request);
  }

  onBadRequest(stream: H3Stream): void {
    this.connection.reset(stream, H3Code.messageError);
  }

  onData(stream: H3Stream, bytes: Buffer, start: number, end: number): void {
    const request = requestOf(stream);
    request.receivedBytes += end - start;
    if (this.#backend.keep) request.parts.push(Buffer.from(bytes.subarray(start, end)));
    if (request.takes) this.connection.consumed(stream, end - start);
    else request.heldBytes += end - start;
  }

  onEnd(stream: H3Stream, trailers: Fields): void {
    const request = requestOf(stream);
    request.ended = true;
    request.trailers = trailers.toArray();
    this.#backend.onRequestEnd(request);
  }

  onStreamDrained(stream: H3Stream): void {
    requestOf(stream).onDrained();
  }

  onStreamClosed(): void {}

  onStreamError(stream: H3Stream, error: H3Error): void {
    requestOf(stream).error = error.toString();
  }

  onSettings(): void {}

  onGoAway(): void {}

  onConnectionError(error: H3Error): void {
    this.#backend.errors.push(error.toString());
  }
}

export interface H3BackendOptions {
  readonly names?: readonly string[];
  readonly limits?: Partial<H3Limits>;
  /** Streams that each connection takes. */
  readonly streams?: number;
  /** False: neither SETTINGS nor anything else comes on streams of the server's. */
  readonly settings?: boolean;
  readonly alpn?: string;
  readonly identity?: TestIdentity;
  readonly port?: number;
}

export class H3Backend {
  readonly world: QuicWorld;
  readonly limits: Partial<H3Limits>;
  settings: boolean;
  readonly connections: ServedH3[] = [];
  /** Of all connections, in the order of their heads. */
  readonly requests: ServedRequest[] = [];
  readonly errors: string[] = [];
  /** Keeps what comes; off for bodies that only need counting. */
  keep = true;
  onRequest: (request: ServedRequest) => void = () => {};
  onRequestEnd: (request: ServedRequest) => void = () => {};
  #listener!: TestListener;

  private constructor(world: QuicWorld, options: H3BackendOptions) {
    this.world = world;
    this.limits = options.limits ?? {};
    this.settings = options.settings ?? true;
  }

  static async open(world: QuicWorld, options: H3BackendOptions = {}): Promise<H3Backend> {
    const backend = new H3Backend(world, options);
    const transport = { ...TRANSPORT, maxBidirectionalStreams: options.streams ?? 100 };
    const context = world.engine.server({
      transport,
      alpn: [options.alpn ?? "h3"],
      identity: options.identity ?? world.authority.issue({ names: options.names ?? ["app.internal"] }),
      ticketKey: null,
      earlyData: false,
      keyLogPath: "",
    });
    backend.#listener = await world.listener(world.environment(), {
      port: options.port ?? 0,
      settings: { transport },
      owner: {
        contextFor: () => context,
        onConnection: (link) => {
          const served = new ServedH3(backend, link);
          backend.connections.push(served);
          return served;
        },
      },
    });
    return backend;
  }

  get port(): number {
    return this.#listener.endpoint.port;
  }

  /** Answers every request with its path and body. */
  echo(): this {
    this.onRequestEnd = (request) => request.answer(`${request.head.path} ${request.text}`);
    return this;
  }

  /** Nothing is said to anybody, and nobody listens on the port any more. */
  close(): void {
    this.#listener.endpoint.close();
  }
}

function requestOf(stream: H3Stream): ServedRequest {
  return stream.user as ServedRequest;
}
