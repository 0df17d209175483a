/**
 * A TCP client that sends exactly the bytes it is told to, and waits for conditions: a response, a
 * close, a reset. Responses are read by the strict parser of the tests.
 */
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { HOST } from "./addresses.ts";
import { ByteQueue } from "./byte-queue.ts";
import { parseResponse, type Http1Message } from "./strict-http1.ts";
import { pause, within } from "./wait-for.ts";

/** How the connection ended: the peer's FIN, its RST (or another error), or not yet. */
export type Ending = "open" | "fin" | "reset";

export interface ConnectOptions {
  readonly host?: string;
  /** Source address, for tests of limits by address. */
  readonly localAddress?: string;
}

export interface ReadOptions {
  /** Method of the request that is answered. Default GET. */
  readonly method?: string;
  /** Default 5,000. */
  readonly timeoutMs?: number;
}

export class RawClient {
  readonly socket: Socket;
  readonly #queue = new ByteQueue();
  #ending: Ending = "open";
  #error = "";
  #wake: (() => void)[] = [];
  /** Bytes received in all. */
  received = 0;

  /** Connects; rejects with the socket's error when the port refuses. */
  static async connect(port: number, options: ConnectOptions = {}): Promise<RawClient> {
    const { localAddress } = options;
    const host = options.host ?? HOST;
    const source = localAddress === undefined ? {} : { localAddress };
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true, ...source });
    const client = new RawClient(socket);
    if (socket.connecting) await within(`a connection to port ${port}`, 5000, once(socket, "connect"));
    return client;
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.received += bytes.length;
      this.#queue.append(bytes);
      this.#notify();
    });
    socket.on("end", () => this.#finish("fin", ""));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#finish("reset", error.code ?? error.message));
    socket.on("close", () => this.#finish("fin", ""));
  }

  get ending(): Ending {
    return this.#ending;
  }

  /** The errno name of a connection that ended with an error. */
  get error(): string {
    return this.#error;
  }

  /** What was received and not yet read. */
  get unread(): string {
    return this.#queue.view().toString("latin1");
  }

  /** Sends text (as Latin-1) or bytes as one write. Does nothing once the connection is gone. */
  send(data: string | Buffer): void {
    if (this.socket.writable)
      this.socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data);
  }

  /** Sends one byte at a time; each is its own segment. Stops when the peer closes. */
  async sendSlowly(data: string | Buffer, everyMs: number): Promise<void> {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    for (let i = 0; i < bytes.length && this.#ending === "open"; i++) {
      this.send(bytes.subarray(i, i + 1));
      await pause(everyMs);
    }
  }

  /** Reads up to and including `text`. */
  async readUntil(text: string, timeoutMs = 5000): Promise<string> {
    return await this.#until(`${JSON.stringify(text)} from the gateway`, timeoutMs, () => {
      const at = this.#queue.view().indexOf(text, 0, "latin1");
      return at < 0 ? undefined : this.#queue.take(at + text.length).toString("latin1");
    });
  }

  /** Reads exactly `count` bytes. */
  async readBytes(count: number, timeoutMs = 5000): Promise<Buffer> {
    return await this.#until(`${count} bytes from the gateway`, timeoutMs, () =>
      this.#queue.length < count ? undefined : this.#queue.take(count),
    );
  }

  /** Reads one response, 1xx included. Rejects when it is malformed or cut off. */
  async readResponse(options: ReadOptions = {}): Promise<Http1Message> {
    return await this.#until("a response", options.timeoutMs ?? 5000, () => {
      const context = { method: options.method ?? "GET", ended: this.#ending === "fin" };
      const result = parseResponse(this.#queue.view(), context);
      if (result.kind === "error")
        throw new Error(`malformed response: ${result.reason}: ${this.unread.slice(0, 300)}`);
      if (result.kind === "incomplete") return undefined;
      this.#queue.skip(result.end);
      return result.message;
    });
  }

  /** Sends a request and reads its (first) response. */
  async request(data: string | Buffer, options: ReadOptions = {}): Promise<Http1Message> {
    this.send(data);
    return await this.readResponse({
      method: String(data).slice(0, 5) === "HEAD " ? "HEAD" : "GET",
      ...options,
    });
  }

  /** Waits for the end of the connection; what was not read stays in `unread`. */
  async closed(timeoutMs = 5000): Promise<Ending> {
    return await this.#until("the end of the connection", timeoutMs, () =>
      this.#ending === "open" ? undefined : this.#ending,
    );
  }

  /** Whether the connection stays open for `ms`, without a byte arriving. */
  async staysQuiet(ms: number): Promise<boolean> {
    const before = this.received;
    await pause(ms);
    return this.#ending === "open" && this.received === before;
  }

  /** Sends FIN; the client still receives. */
  halfClose(): void {
    this.socket.end();
  }

  /** Sends RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Stops reading, so that the peer's writes fill the kernel's buffers and stall. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  #finish(ending: Ending, error: string): void {
    if (this.#ending !== "open") return;
    this.#ending = ending;
    this.#error = error;
    this.#notify();
  }

  #notify(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  async #until<T>(what: string, timeoutMs: number, probe: () => T | undefined): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const result = probe();
      if (result !== undefined) return result;
      if (this.#ending !== "open") throw new Error(`${this.#describeEnd()} before ${what}`);
      const leftMs = deadline - performance.now();
      if (leftMs <= 0)
        throw new Error(`waited ${timeoutMs} ms in vain for ${what}; unread: ${this.unread.slice(0, 300)}`);
      await this.#woken(leftMs);
    }
  }

  #woken(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #describeEnd(): string {
    const how = this.#ending === "reset" ? `reset (${this.#error})` : "closed";
    return `connection ${how} after ${this.received} bytes; unread: ${this.unread.slice(0, 300)}`;
  }
}
