/**
 * A backend that records exactly the bytes of every request it gets, and answers by script. It
 * parses with the strict parser of the tests: what is not one canonical request after another is a
 * violation that a test can see.
 */
import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { canonicalViolations } from "./canonical.ts";
import { freePort, HOST } from "./addresses.ts";
import { ByteQueue } from "./byte-queue.ts";
import { fieldValue, fieldValues, parseRequest, type FieldList, type Http1Message } from "./strict-http1.ts";
import { waitFor } from "./wait-for.ts";

export class RecordedRequest {
  readonly message: Http1Message;
  /** The bytes as they arrived; only the head when the script runs at the head. */
  readonly raw: Buffer;
  /** Which connection brought it, from 0, and the how manyth on it, from 0. */
  readonly connection: number;
  readonly index: number;

  constructor(message: Http1Message, raw: Buffer, connection: number, index: number) {
    this.message = message;
    this.raw = raw;
    this.connection = connection;
    this.index = index;
  }

  get method(): string {
    return this.message.startLine.split(" ")[0] ?? "";
  }

  get target(): string {
    return this.message.startLine.split(" ")[1] ?? "";
  }

  get fields(): FieldList {
    return this.message.fields;
  }

  get body(): Buffer {
    return this.message.body;
  }

  /** First value of a field; the name in lower case. */
  field(name: string): string | undefined {
    return fieldValue(this.message.fields, name);
  }

  fieldAll(name: string): string[] {
    return fieldValues(this.message.fields, name);
  }
}

/** What a script answers on. Writes go out as they are. */
export interface Answer {
  readonly socket: Socket;
  write(data: string | Buffer): boolean;
  /** FIN after what was written. */
  end(data?: string | Buffer): void;
  /** RST. */
  reset(): void;
}

export type Script = (request: RecordedRequest, answer: Answer) => unknown;

export interface BackendOptions {
  readonly script?: Script;
  /** Run the script when the head has come (its body may still be on the way) instead of when the request is whole. */
  readonly atHead?: boolean;
  readonly port?: number;
  /** Do not parse what comes: only keep the bytes. For tunnels and garbage. */
  readonly raw?: boolean;
  /** Keep requests and bytes; off for load tests, where only `served` counts. */
  readonly record?: boolean;
}

/** A plain 200 that names the backend in `X-Backend`. */
export const hello: Script = (_request, answer) => {
  answer.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n");
};

export class RecordingBackend {
  readonly port: number;
  readonly requests: RecordedRequest[] = [];
  /** Requests that were not canonical, in words. Empty in every test that is not about the backend itself. */
  readonly violations: string[] = [];
  /** What had come of requests that the gateway broke off. A length or a missing last chunk shows that they are not whole. */
  readonly truncated: string[] = [];
  /** All bytes of each connection, in order of arrival. */
  readonly streams: Buffer[][] = [];
  /** Requests answered, counted even when nothing is recorded. */
  served = 0;
  script: Script;
  readonly #server: Server;
  readonly #options: BackendOptions;
  readonly #sockets = new Set<Socket>();
  connections = 0;

  static async start(options: BackendOptions = {}): Promise<RecordingBackend> {
    const port = options.port ?? (await freePort());
    const backend = new RecordingBackend(port, options);
    backend.#server.listen({ port, host: HOST, backlog: 4096 });
    await once(backend.#server, "listening");
    return backend;
  }

  private constructor(port: number, options: BackendOptions) {
    this.port = port;
    this.#options = options;
    this.script = options.script ?? hello;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** `host:port`, as a backend's `address` in the config. */
  get address(): string {
    return `${HOST}:${this.port}`;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** All bytes of one connection. */
  bytesOf(connection: number): Buffer {
    return Buffer.concat(this.streams[connection] ?? []);
  }

  /** The first request that fits; waits for it. */
  async request(fits: (request: RecordedRequest) => boolean = () => true): Promise<RecordedRequest> {
    return await waitFor("a request at the backend", () => this.requests.find(fits));
  }

  /** Closes idle and busy connections alike, as a crash of the backend would. */
  dropConnections(how: "fin" | "reset" = "fin"): void {
    for (const socket of this.#sockets) {
      if (how === "fin") socket.end();
      else socket.resetAndDestroy();
    }
  }

  /** Stops listening and drops every connection: the port then refuses. */
  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const id = this.connections++;
    const queue = new ByteQueue();
    const connection = new BackendConnection(this, socket, id);
    this.#sockets.add(socket);
    if (this.#options.record !== false) this.streams[id] = [];
    socket.on("data", (bytes: Buffer) => {
      this.streams[id]?.push(Buffer.from(bytes));
      if (this.#options.raw === true) return;
      queue.append(bytes);
      connection.advance(queue, this.#options);
    });
    socket.on("end", () => socket.end());
    socket.on("error", () => {});
    socket.on("close", () => {
      if (queue.length > 0) this.truncated.push(queue.view().toString("latin1").slice(0, 4096));
      this.#sockets.delete(socket);
    });
  }
}

class BackendConnection {
  readonly #backend: RecordingBackend;
  readonly #answer: Answer;
  readonly #id: number;
  #index = 0;
  #headSeen = false;
  #broken = false;

  constructor(backend: RecordingBackend, socket: Socket, id: number) {
    this.#backend = backend;
    this.#id = id;
    this.#answer = {
      socket,
      write: (data) => !socket.destroyed && socket.write(data),
      end: (data) => {
        if (data !== undefined) socket.write(data);
        socket.end();
      },
      reset: () => socket.resetAndDestroy(),
    };
  }

  advance(queue: ByteQueue, options: BackendOptions): void {
    while (queue.length > 0 && !this.#broken) {
      const result = parseRequest(queue.view());
      if (result.kind === "error") return this.#refuse(result.reason, queue);
      if (result.kind === "incomplete") {
        if (options.atHead === true && result.head !== undefined) this.#atHead(result.head);
        return;
      }
      const raw = options.record === false ? Buffer.alloc(0) : queue.view().subarray(0, result.end);
      this.#whole(result.message, Buffer.from(raw), options);
      queue.skip(result.end);
    }
  }

  #atHead(message: Http1Message): void {
    if (this.#headSeen) return;
    this.#headSeen = true;
    this.#run(new RecordedRequest(message, Buffer.alloc(0), this.#id, this.#index));
  }

  #whole(message: Http1Message, raw: Buffer, options: BackendOptions): void {
    const request = new RecordedRequest(message, raw, this.#id, this.#index++);
    for (const violation of canonicalViolations(message)) this.#backend.violations.push(violation);
    if (options.record !== false) this.#backend.requests.push(request);
    this.#backend.served++;
    if (!this.#headSeen) this.#run(request);
    this.#headSeen = false;
  }

  #run(request: RecordedRequest): void {
    Promise.resolve(this.#backend.script(request, this.#answer)).catch((error: unknown) => {
      this.#backend.violations.push(`script failed: ${String(error)}`);
    });
  }

  #refuse(reason: string, queue: ByteQueue): void {
    this.#broken = true;
    this.#backend.violations.push(`${reason}: ${queue.view().toString("latin1").slice(0, 200)}`);
    this.#answer.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  }
}
