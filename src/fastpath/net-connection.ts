/**
 * One node:net socket behind the transport's `Connection`, with TLS on it where that was asked for. It
 * turns the stream's events into the owner's calls, and flushes what the owner staged when each call
 * returns.
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../base/clock.ts";
import { tlsInfo } from "./net-tls-info.ts";
import { TlsCarrier } from "./net-tls-carrier.ts";
import type { NetTlsClientContext } from "./net-tls-client.ts";
import { type NetTlsServerContext, plainName } from "./net-tls-server.ts";
import { reasonOf } from "./net-tls-settings.ts";
import type { SendStage, StageTarget } from "./send-stage.ts";
import { TLS_ERROR_PREFIX, type TlsInfo } from "./tls.ts";
import type { Connection, ConnectionOwner } from "./transport.ts";

/** The descriptor of a socket; node:net does not publish it. -1 when there is none. */
export function socketDescriptor(socket: Socket): number {
  const handle = (socket as unknown as { _handle?: { fd?: number } | null })._handle;
  return handle?.fd ?? -1;
}

export class NetConnection implements Connection, StageTarget {
  /** The socket of the network. */
  readonly raw: Socket;
  /** What the owner's bytes go through: the same, or TLS on it. */
  socket: Socket;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  tls: TlsInfo | null = null;
  readonly #stage: SendStage;
  readonly #clock: Clock;
  #carrier: TlsCarrier | null = null;
  #owner: ConnectionOwner | null = null;
  #error = "";
  #blocked = false;
  /** Nothing can be sent any more. */
  #finished = false;

  constructor(socket: Socket, stage: SendStage, clock: Clock) {
    this.raw = socket;
    this.socket = socket;
    this.#stage = stage;
    this.#clock = clock;
    this.remoteAddress = plainAddress(socket.remoteAddress ?? "");
    this.remotePort = socket.remotePort ?? 0;
    this.localPort = socket.localPort ?? 0;
  }

  // TLS, before `attach`.

  /** Waits for a handshake that the peer begins. */
  secure(context: NetTlsServerContext): void {
    const socket = this.#startTls((carrier) => context.open(carrier));
    // The events that node:tls's own server relies on: no others tell errors after the handshake.
    socket.on("_tlsError", (error: Error) => this.#fail(reasonOf(error)));
    socket.once("secure", () => {
      const refusal = context.refusal(socket);
      if (refusal !== "") return this.#fail(refusal);
      this.tls = tlsInfo(
        socket,
        plainName(socket.servername || ""),
        socket.getPeerX509Certificate()?.raw ?? null,
      );
      this.connected();
    });
  }

  /** Begins a handshake with the peer, which the TCP connection may still be on its way to. */
  secureOutgoing(context: NetTlsClientContext, place: string): void {
    const socket = this.#startTls((carrier) => context.open(carrier, place));
    socket.once("secureConnect", () => {
      const certificate = context.peerCertificate(socket, place);
      this.tls = tlsInfo(socket, plainName(context.serverName), certificate);
      this.connected();
    });
  }

  #startTls(open: (carrier: TlsCarrier) => TLSSocket): TLSSocket {
    const carrier = new TlsCarrier(this.raw);
    carrier.onFin = (): void => this.#afterFin();
    carrier.onFlood = (): void => this.#fail("too much without data");
    const socket = open(carrier);
    this.#carrier = carrier;
    this.socket = socket;
    return socket;
  }

  /**
   * TCP has ended. What TLS made of it comes first; if it was no end, something may be missing. A
   * connection that is paused has not heard everything yet: `resume` asks again.
   */
  #afterFin(): void {
    setImmediate(() => {
      const { socket } = this;
      const carrier = this.#carrier as TlsCarrier;
      if (socket.destroyed || socket.readableEnded) return;
      if (this.tls !== null && socket.isPaused()) return;
      if (socket.readableLength > 0 || carrier.readableLength > 0) this.#afterFin();
      else this.#fail("unexpected eof while reading");
    });
  }

  /** TLS has failed; the first reason counts. */
  #fail(reason: string): void {
    if (this.#error === "") this.#error = `${TLS_ERROR_PREFIX}${reason}`;
    this.socket.destroy();
  }

  // Events.

  /** Subscribes to what every socket tells; the data of outgoing ones without TLS comes by `onread`. */
  attach(owner: ConnectionOwner): void {
    this.#owner = owner;
    const { socket } = this;
    socket.on("end", () => {
      this.#clock.refresh();
      this.#owner?.onEnd();
      this.#stage.flush();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (this.#carrier === null) this.#error = error.code ?? "EUNKNOWN";
      else this.#fail(reasonOf(error));
    });
    socket.on("close", () => this.#onClose());
    socket.on("drain", () => {
      if (!this.#blocked) return;
      this.#blocked = false;
      this.#clock.refresh();
      this.#owner?.onDrain();
      this.#stage.flush();
    });
    if (this.#carrier !== null) this.listenForData();
  }

  #onClose(): void {
    this.#clock.refresh();
    const closing = this.#owner;
    this.#owner = null;
    this.#finished = true;
    this.#stage.forget(this);
    // Where the network broke, what TLS says about it is only the consequence.
    const broken = this.#carrier?.error ?? "";
    closing?.onClose(broken === "" ? this.#error : broken);
    this.#stage.flush();
  }

  handOver(owner: ConnectionOwner): void {
    if (this.#owner !== null) this.#owner = owner;
  }

  /** Incoming bytes from the stream: the buffer is this socket's own. */
  listenForData(): void {
    this.socket.on("data", (bytes: Buffer) => this.deliver(bytes, bytes.length));
  }

  deliver(bytes: Buffer, length: number): void {
    this.#clock.refresh();
    this.#carrier?.fruitful();
    this.#owner?.onData(bytes, 0, length);
    this.#stage.flush();
  }

  connected(): void {
    this.#clock.refresh();
    this.#owner?.onConnect();
    this.#stage.flush();
  }

  // Commands.

  writeOut(bytes: Buffer): boolean {
    if (this.#finished) return true;
    const { socket } = this;
    // Behind a pending write these bytes would keep a whole arena from being used again; a copy is smaller.
    const behind = socket.writableLength > 0;
    const room = socket.write(behind ? Buffer.from(bytes) : bytes);
    const queued = socket.writableLength;
    // At this mark the stream is bound to emit `drain` later.
    if (!room && queued >= socket.writableHighWaterMark) this.#blocked = true;
    // TLS has encrypted them, or copied them for when it can.
    return behind || queued === 0 || this.#carrier !== null;
  }

  resume(): void {
    this.socket.resume();
    if (this.#carrier?.ended === true) this.#afterFin();
  }

  /** FIN behind what is queued; before it close_notify. */
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

  /** With RST, where there can be one: not before TCP's handshake, nor on a Unix socket, which has no remote address. */
  reset(): void {
    const { raw } = this;
    if (!raw.connecting && raw.remoteAddress !== undefined) raw.resetAndDestroy();
    this.socket.destroy();
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
