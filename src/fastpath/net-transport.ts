/**
 * The transport on node:net's public API: it runs wherever Node.js runs and is the twin that a
 * native transport is compared with. Outgoing sockets read into one shared buffer (`onread`);
 * incoming ones get a buffer from the stream, as the API has no `onread` for servers.
 */
import { connect, type Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { NativeAddon } from "./native-addon.ts";
import { NetConnection, socketDescriptor } from "./net-connection.ts";
import { NetListener } from "./net-listener.ts";
import { NetTlsClientContext } from "./net-tls-client.ts";
import { NetTlsServerContext } from "./net-tls-server.ts";
import { SendStage } from "./send-stage.ts";
import type { TlsClientContext, TlsClientSettings, TlsServerContext, TlsServerSettings } from "./tls.ts";
import type {
  Connection,
  ConnectionOwner,
  ConnectTarget,
  Listener,
  ListenOptions,
  Transport,
} from "./transport.ts";

/** One read of an outgoing connection; what a kernel socket buffer gives at once. */
const READ_BYTES = 64 * 1024;
/** Below this a copy into the arena is cheaper than a write of its own. */
const COPY_BELOW_BYTES = 4 * 1024;
/** TCP keep-alive probes start after so long without traffic. */
const KEEPALIVE_DELAY_MS = 60_000;

export class NetTransport implements Transport {
  readonly kind = "net";
  readonly #clock: Clock;
  readonly #native: NativeAddon | null;
  readonly #stage = new SendStage();
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #connections = new Set<NetConnection>();
  readonly #listeners = new Set<NetListener>();

  /** The addon, where it is there, opens listening sockets and looks into idle ones. */
  constructor(clock: Clock, native: NativeAddon | null) {
    this.#clock = clock;
    this.#native = native;
  }

  get out(): Buffer {
    return this.#stage.out;
  }

  reserve(size: number): number {
    return this.#stage.reserve(size);
  }

  send(connection: Connection, start: number, end: number): void {
    this.#stage.send(connection as NetConnection, start, end);
  }

  sendFrom(connection: Connection, bytes: Buffer, start: number, end: number): void {
    const target = connection as NetConnection;
    const size = end - start;
    const owned = bytes.buffer !== this.#readBuffer.buffer;
    if (owned && size >= COPY_BELOW_BYTES && this.#stage.stagedBytes(target) === 0) {
      target.writeOut(bytes.subarray(start, end));
      return;
    }
    const offset = this.#stage.reserve(size);
    bytes.copy(this.#stage.out, offset, start, end);
    this.#stage.send(target, offset, offset + size);
  }

  flush(): void {
    this.#stage.flush();
  }

  blocked(connection: Connection): boolean {
    return (connection as NetConnection).blocked;
  }

  queuedBytes(connection: Connection): number {
    const target = connection as NetConnection;
    return target.socket.writableLength + this.#stage.stagedBytes(target);
  }

  pause(connection: Connection): void {
    (connection as NetConnection).socket.pause();
  }

  resume(connection: Connection): void {
    (connection as NetConnection).resume();
  }

  end(connection: Connection): void {
    this.#stage.flush();
    (connection as NetConnection).end();
  }

  finish(connection: Connection): void {
    this.#stage.flush();
    (connection as NetConnection).finish();
  }

  destroy(connection: Connection): void {
    this.#stage.forget(connection as NetConnection);
    (connection as NetConnection).socket.destroy();
  }

  reset(connection: Connection): void {
    this.#stage.forget(connection as NetConnection);
    (connection as NetConnection).reset();
  }

  alive(connection: Connection): boolean {
    const { socket, raw } = connection as NetConnection;
    if (socket.destroyed || socket.readableEnded || !socket.writable) return false;
    if (this.#native === null) return true;
    const descriptor = socketDescriptor(raw);
    return descriptor !== -1 && this.#native.idleProbe(descriptor) === 0;
  }

  connect(target: ConnectTarget, owner: ConnectionOwner): Connection {
    const { tls } = target;
    const connection: NetConnection = new NetConnection(
      this.#open(target, tls === null ? (length) => connection.deliver(this.#readBuffer, length) : null),
      this.#stage,
      this.#clock,
    );
    if (tls === null) connection.raw.once("connect", () => connection.connected());
    else connection.secureOutgoing(tls as NetTlsClientContext, `${target.host} ${target.port}`);
    connection.attach(owner);
    this.#track(connection);
    return connection;
  }

  /** `onBytes`: where the shared buffer is read from; `null`: the stream gives buffers. */
  #open(target: ConnectTarget, onBytes: ((length: number) => void) | null): Socket {
    const callback = (length: number): boolean => {
      onBytes?.(length);
      return true;
    };
    const reading = onBytes === null ? {} : { onread: { buffer: this.#readBuffer, callback } };
    const common = { ...reading, allowHalfOpen: true, noDelay: true };
    if (target.port === -1) return connect({ ...common, path: target.host });
    return connect({
      ...common,
      host: target.host,
      port: target.port,
      autoSelectFamily: false,
      keepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_DELAY_MS,
    });
  }

  secure(connection: Connection, context: TlsServerContext): void {
    (connection as NetConnection).secure(context as NetTlsServerContext);
  }

  handOver(connection: Connection, owner: ConnectionOwner): void {
    (connection as NetConnection).handOver(owner);
  }

  tlsServer(settings: TlsServerSettings): TlsServerContext {
    return new NetTlsServerContext(settings);
  }

  tlsClient(settings: TlsClientSettings): TlsClientContext {
    return new NetTlsClientContext(settings);
  }

  setTicketKeys(context: TlsServerContext, keys: readonly Uint8Array[]): void {
    (context as NetTlsServerContext).setTicketKeys(keys);
  }

  async bind(options: ListenOptions): Promise<Listener> {
    const listener = new NetListener(this.#native, (socket) => this.#adopt(socket), KEEPALIVE_DELAY_MS);
    await listener.bind(options);
    this.#listeners.add(listener);
    listener.onClosed = (): void => {
      this.#listeners.delete(listener);
    };
    return listener;
  }

  #adopt(socket: Socket): NetConnection {
    this.#clock.refresh();
    const connection = new NetConnection(socket, this.#stage, this.#clock);
    this.#track(connection);
    return connection;
  }

  #track(connection: NetConnection): void {
    this.#connections.add(connection);
    connection.raw.once("close", () => this.#connections.delete(connection));
  }

  close(): void {
    for (const listener of this.#listeners) listener.abandon();
    for (const connection of this.#connections) this.destroy(connection);
  }
}
