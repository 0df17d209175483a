/**
 * A closed-loop load client on raw sockets: each connection sends a GET, waits for its whole answer,
 * and sends the next. Every request ends in exactly one counter. As RFC 9112 section 9.3.1 tells a client
 * to, it sends a request again when a reused connection closes before any byte of the answer: that is
 * counted as `retried`, and only a failure on a fresh connection as `failed`.
 */
import { connect, type Socket } from "node:net";
import { HOST } from "./addresses.ts";
import { ByteQueue } from "./byte-queue.ts";
import { fieldValue, parseResponse, statusOf, type Http1Message } from "./strict-http1.ts";
import { waitFor, within } from "./wait-for.ts";

export interface LoadOptions {
  /** Tried in order for each new connection: the next one when a port refuses. */
  readonly ports: readonly number[];
  readonly connections: number;
  readonly path?: string;
  /** Pause after each answer; 0 by default. Keeps a test's load from taking the whole machine. */
  readonly thinkMs?: number;
}

/** An answer takes longer than this only when it hangs. */
const ANSWER_TIMEOUT_MS = 10_000;

export class Load {
  ok = 0;
  failed = 0;
  /** Sent again after a reused connection had closed. */
  retried = 0;
  /** Connections opened. */
  opened = 0;
  /** How often each reason of a failure occurred. */
  readonly reasons = new Map<string, number>();
  /** Answers by the first line of their body, to see which backend served. */
  readonly bodies = new Map<string, number>();
  ports: readonly number[];
  readonly #options: LoadOptions;
  readonly #request: Buffer;
  readonly #runs: Promise<void>[] = [];
  #stopping = false;
  #reconnect = true;

  static start(options: LoadOptions): Load {
    return new Load(options);
  }

  private constructor(options: LoadOptions) {
    this.#options = options;
    this.ports = options.ports;
    const path = options.path ?? "/";
    this.#request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: load.test\r\n\r\n`);
    for (let i = 0; i < options.connections; i++) this.#runs.push(this.#run());
  }

  /** Waits until `count` more requests were answered. */
  async served(count: number, timeoutMs = 20_000): Promise<void> {
    const goal = this.ok + count;
    await waitFor(`${count} more answers (${this.summary()})`, () => this.ok >= goal, { timeoutMs });
  }

  /** No new connection from now on: what a balancer does after /readyz said 503. Each connection is used until it is closed. */
  stopConnecting(): void {
    this.#reconnect = false;
  }

  /** Finishes what is in flight and stops. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await within("the load client to stop", ANSWER_TIMEOUT_MS + 5000, Promise.all(this.#runs));
  }

  /** Waits until every connection has ended by itself, after `stopConnecting`. */
  async ended(timeoutMs = ANSWER_TIMEOUT_MS + 5000): Promise<void> {
    await within("the connections to end", timeoutMs, Promise.all(this.#runs));
  }

  summary(): string {
    const reasons = [...this.reasons].map(([reason, count]) => `${reason}: ${count}`).join("; ");
    return `${this.ok} ok, ${this.failed} failed, ${this.retried} retried, ${this.opened} connections${reasons === "" ? "" : `; ${reasons}`}`;
  }

  async #run(): Promise<void> {
    while (!this.#stopping && this.#reconnect) {
      const client = await this.#connect();
      if (client === undefined) return;
      await this.#use(client);
      client.socket.destroy();
    }
  }

  async #connect(): Promise<LoadConnection | undefined> {
    let reason = "";
    // Twice: a port may open after it was tried, while the one tried next closes.
    for (const port of [...this.ports, ...this.ports]) {
      const client = await LoadConnection.open(port);
      if (typeof client !== "string") {
        this.opened++;
        return client;
      }
      reason = client;
    }
    if (!this.#reconnect || this.#stopping) return undefined;
    this.#fail(`connect: ${reason}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return await this.#connect();
  }

  /** Sends requests on one connection until it ends. */
  async #use(client: LoadConnection): Promise<void> {
    for (let index = 0; !this.#stopping; index++) {
      const answer = await client.exchange(this.#request);
      if (typeof answer === "string") return this.#lost(answer, index, client);
      this.#count(answer);
      if (fieldValue(answer.fields, "connection")?.toLowerCase() === "close") return;
      const thinkMs = this.#options.thinkMs ?? 0;
      if (thinkMs > 0) await new Promise((resolve) => setTimeout(resolve, thinkMs));
    }
  }

  #lost(reason: string, index: number, client: LoadConnection): void {
    if (index > 0 && client.unansweredBytes === 0 && reason !== "timeout") this.retried++;
    else this.#fail(reason);
  }

  #count(answer: Http1Message): void {
    const status = statusOf(answer);
    if (status !== 200) return this.#fail(`status ${status}`);
    this.ok++;
    const body = answer.body.toString("latin1").split("\n")[0]?.slice(0, 40) ?? "";
    this.bodies.set(body, (this.bodies.get(body) ?? 0) + 1);
  }

  #fail(reason: string): void {
    this.failed++;
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
  }
}

class LoadConnection {
  readonly socket: Socket;
  readonly #queue = new ByteQueue();
  #ended = "";
  #wake: (() => void) | undefined;

  /** An open connection, or why there is none. */
  static open(port: number): Promise<LoadConnection | string> {
    return new Promise((resolve) => {
      const socket = connect({ host: HOST, port, noDelay: true });
      const fail = (error: NodeJS.ErrnoException): void => resolve(error.code ?? error.message);
      socket.once("error", fail);
      socket.once("connect", () => {
        socket.off("error", fail);
        resolve(new LoadConnection(socket));
      });
    });
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#queue.append(bytes);
      this.#notify();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => this.#end(error.code ?? error.message));
    socket.on("end", () => this.#end("closed"));
    socket.on("close", () => this.#end("closed"));
  }

  /** Bytes of an answer that is not whole. */
  get unansweredBytes(): number {
    return this.#queue.length;
  }

  /** The answer, or how the connection was lost. */
  async exchange(request: Buffer): Promise<Http1Message | string> {
    if (this.#ended !== "") return this.#ended;
    this.socket.write(request);
    const deadline = performance.now() + ANSWER_TIMEOUT_MS;
    for (;;) {
      const result = parseResponse(this.#queue.view(), { method: "GET", ended: this.#hasEnded("closed") });
      if (result.kind === "error") return `malformed: ${result.reason}`;
      if (result.kind === "message") {
        this.#queue.skip(result.end);
        return result.message;
      }
      if (!this.#hasEnded("")) return this.#ended;
      if (performance.now() > deadline) return "timeout";
      await this.#woken();
    }
  }

  #hasEnded(how: string): boolean {
    return this.#ended === how;
  }

  #end(reason: string): void {
    if (this.#ended === "") this.#ended = reason;
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ANSWER_TIMEOUT_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
