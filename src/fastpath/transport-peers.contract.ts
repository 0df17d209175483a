/** What the transport contract talks with: owners that write down their events, and plain node:net sockets at the far end. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import type { TlsInfo } from "./tls.ts";
import type { Connection, ConnectionOwner, ListenOwner, Transport } from "./transport.ts";

/** Far above what anything here takes on loopback. */
const MAX_WAIT_MS = 10_000;

/** Somebody to whom things happen, and who can be waited for. */
export class Observed {
  #wake: (() => void)[] = [];

  happened(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  /** Waits until the condition holds; it is looked at after each event. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + MAX_WAIT_MS;
    while (!holds()) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw new Error(`waited ${MAX_WAIT_MS} ms in vain for ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}

/** The gateway's end: an owner that keeps what it gets. */
export class Recorder extends Observed implements ConnectionOwner {
  connection!: Connection;
  readonly received: Buffer[] = [];
  receivedBytes = 0;
  /** What was agreed, as it stood in `onConnect`: nobody can ask a connection that has closed. */
  tls: TlsInfo | null = null;
  /** In order: `connect`, `data`, `end`, `drain`, `close`. */
  readonly events: string[] = [];
  /** The error of `onClose`; `null` before it. */
  closed: string | null = null;
  onConnectHook: () => void = () => {};
  onDataHook: (bytes: Buffer, start: number, end: number) => void = () => {};
  onEndHook: () => void = () => {};

  onConnect(): void {
    this.tls = this.connection.tls;
    this.onConnectHook();
    this.#note("connect");
  }

  onData(bytes: Buffer, start: number, end: number): void {
    this.received.push(Buffer.from(bytes.subarray(start, end)));
    this.receivedBytes += end - start;
    this.onDataHook(bytes, start, end);
    this.#note("data");
  }

  onEnd(): void {
    this.onEndHook();
    this.#note("end");
  }

  onDrain(): void {
    this.#note("drain");
  }

  onClose(error: string): void {
    this.closed = error;
    this.#note("close");
  }

  get text(): string {
    return Buffer.concat(this.received).toString("latin1");
  }

  has(event: string): boolean {
    return this.events.includes(event);
  }

  #note(event: string): void {
    this.events.push(event);
    this.happened();
  }
}

/** The far end: a socket that keeps what it gets. */
export class Peer extends Observed {
  readonly socket: Socket;
  readonly chunks: Buffer[] = [];
  receivedBytes = 0;
  ended = false;
  closed = false;
  error = "";

  constructor(socket: Socket) {
    super();
    this.socket = socket;
    socket.on("connect", () => this.happened());
    socket.on("data", (bytes: Buffer) => {
      this.chunks.push(bytes);
      this.receivedBytes += bytes.length;
      this.happened();
    });
    socket.on("end", () => {
      this.ended = true;
      this.happened();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? "";
      this.happened();
    });
    socket.on("close", () => {
      this.closed = true;
      this.happened();
    });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get text(): string {
    return this.bytes.toString("latin1");
  }
}

/** Takes every connection with a recorder. */
export class Acceptor extends Observed implements ListenOwner {
  readonly recorders: Recorder[] = [];
  refuse = false;

  onAccept(connection: Connection): ConnectionOwner | null {
    if (this.refuse) return null;
    const recorder = new Recorder();
    recorder.connection = connection;
    this.recorders.push(recorder);
    this.happened();
    return recorder;
  }

  onAcceptError(code: string): void {
    throw new Error(`accepting failed: ${code}`);
  }
}

export interface Pair {
  readonly own: Recorder;
  readonly peer: Peer;
}

/** A connection that the transport accepted, with the client that made it. */
export async function accepted(transport: Transport, host: string): Promise<Pair> {
  const listener = await transport.bind({ host, port: 0, reusePort: true });
  const acceptor = new Acceptor();
  listener.accept(acceptor);
  const socket = connect({ host, port: listener.port, allowHalfOpen: true, noDelay: true });
  await once(socket, "connect");
  await acceptor.until("the connection to be accepted", () => acceptor.recorders.length === 1);
  return { own: acceptor.recorders[0] as Recorder, peer: new Peer(socket) };
}

/** A connection that the transport made, with the server's end. `where`: a host, or the path of a Unix socket. */
export async function connected(transport: Transport, where: string): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  const port = await listening(server, where);
  const own = new Recorder();
  const incoming = once(server, "connection");
  own.connection = transport.connect({ host: where, port, tls: null }, own);
  const [socket] = (await incoming) as [Socket];
  await own.until("the dial to succeed", () => own.has("connect"));
  server.close();
  return { own, peer: new Peer(socket) };
}

/** The port; -1 for a path. */
async function listening(server: Server, where: string): Promise<number> {
  if (where.startsWith("/")) server.listen(where);
  else server.listen(0, where);
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : -1;
}

/** Descriptors that this process has open. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Bytes that tell where they belong. */
export function pattern(bytes: number, seed = 0): Buffer {
  const made = Buffer.allocUnsafe(bytes);
  for (let i = 0; i < bytes; i++) made[i] = (i * 31 + (i >> 8) + seed) & 0xff;
  return made;
}

export interface TransportTraits {
  readonly name: string;
  readonly make: () => Transport;
  /** `alive` sees what the kernel knows and no event has told yet. */
  readonly probes: boolean;
  /** A closing listener hands over what the kernel has completed. */
  readonly losesNoneOnClose: boolean;
}

/** A test with a transport of its own that ends with it, on a connection of each kind. */
export type PairTest = (transport: Transport, pair: Pair, context: TestContext) => Promise<void>;

/** Declares a test for accepted and for outgoing connections. */
export type Both = (what: string, body: PairTest) => void;

/** Stages text as an owner does. */
export function say(transport: Transport, pair: Pair, text: string): void {
  const offset = transport.reserve(text.length);
  transport.send(pair.own.connection, offset, offset + transport.out.latin1Write(text, offset));
}

/** Sends until the connection is blocked; returns what was sent. */
export async function fill(transport: Transport, { own }: Pair): Promise<Buffer> {
  const sent: Buffer[] = [];
  for (let seed = 0; !transport.blocked(own.connection); seed++) {
    if (sent.length >= 2000) throw new Error("never blocked");
    const part = pattern(16_384, seed);
    transport.sendFrom(own.connection, part, 0, part.length);
    transport.flush();
    sent.push(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return Buffer.concat(sent);
}
