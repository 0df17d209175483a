/**
 * One node:net socket behind the transport's `Connection`. It turns the stream's events into the
 * owner's calls, and flushes what the owner staged when each call returns.
 */
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { SendStage, StageTarget } from "./send-stage.ts";
import type { Connection, ConnectionOwner } from "./transport.ts";

/** The descriptor of a socket; node:net does not publish it. -1 when there is none. */
export function socketDescriptor(socket: Socket): number {
  const handle = (socket as unknown as { _handle?: { fd?: number } | null })._handle;
  return handle?.fd ?? -1;
}

export class NetConnection implements Connection, StageTarget {
  readonly socket: Socket;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  readonly #stage: SendStage;
  readonly #clock: Clock;
  #owner: ConnectionOwner | null = null;
  #error = "";
  #blocked = false;
  /** Nothing can be sent any more. */
  #finished = false;

  constructor(socket: Socket, stage: SendStage, clock: Clock) {
    this.socket = socket;
    this.#stage = stage;
    this.#clock = clock;
    this.remoteAddress = plainAddress(socket.remoteAddress ?? "");
    this.remotePort = socket.remotePort ?? 0;
    this.localPort = socket.localPort ?? 0;
  }

  /** Subscribes to what every socket tells; the data of outgoing ones comes by `onread`. */
  attach(owner: ConnectionOwner): void {
    this.#owner = owner;
    const socket = this.socket;
    socket.on("end", () => {
      this.#clock.refresh();
      this.#owner?.onEnd();
      this.#stage.flush();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#error = error.code ?? "EUNKNOWN";
    });
    socket.on("close", () => {
      this.#clock.refresh();
      const closing = this.#owner;
      this.#owner = null;
      this.#finished = true;
      this.#stage.forget(this);
      closing?.onClose(this.#error);
      this.#stage.flush();
    });
    socket.on("drain", () => {
      if (!this.#blocked) return;
      this.#blocked = false;
      this.#clock.refresh();
      this.#owner?.onDrain();
      this.#stage.flush();
    });
  }

  /** Incoming bytes from the stream: the buffer is this socket's own. */
  listenForData(): void {
    this.socket.on("data", (bytes: Buffer) => this.deliver(bytes, bytes.length));
  }

  deliver(bytes: Buffer, length: number): void {
    this.#clock.refresh();
    this.#owner?.onData(bytes, 0, length);
    this.#stage.flush();
  }

  connected(): void {
    this.#clock.refresh();
    this.#owner?.onConnect();
    this.#stage.flush();
  }

  writeOut(bytes: Buffer): boolean {
    if (this.#finished) return true;
    const { socket } = this;
    // Behind a pending write these bytes would keep a whole arena from being used again; a copy is smaller.
    const behind = socket.writableLength > 0;
    const room = socket.write(behind ? Buffer.from(bytes) : bytes);
    const queued = socket.writableLength;
    // At this mark the stream is bound to emit `drain` later.
    if (!room && queued >= socket.writableHighWaterMark) this.#blocked = true;
    return behind || queued === 0;
  }

  /** FIN behind what is queued. */
  end(): void {
    this.#finished = true;
    this.socket.end();
  }

  /** As `end`, and closes when all has gone out. */
  finish(): void {
    this.#finished = true;
    this.socket.pause();
    this.socket.destroySoon();
  }

  /** True while more is queued than the high-water mark; `drain` will tell when it has gone. */
  get blocked(): boolean {
    return this.#blocked;
  }
}

/** A dual-stack socket shows IPv4 peers as `::ffff:192.0.2.1` (RFC 4291 section 2.5.5.2). */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}
