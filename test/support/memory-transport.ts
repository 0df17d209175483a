/**
 * A transport without sockets, for tests of the adapters above it: both ends of every connection are
 * in the test's hands, nothing happens by itself, and everything happens in the order in which it was
 * asked for. It keeps the promises of `Transport` and no more: bytes are valid only during `onData`
 * (they are overwritten afterwards), what is staged reaches the peer only by a flush, a paused
 * connection receives neither bytes nor a FIN, `onClose` never comes from within a call.
 */
import { assert } from "../../src/base/assert.ts";
import { MAX_RESERVE_BYTES, SEND_HIGH_WATER_BYTES } from "../../src/base/limits.ts";
import type {
  TlsClientContext,
  TlsClientSettings,
  TlsServerContext,
  TlsServerSettings,
} from "../../src/fastpath/tls.ts";
import type {
  Connection,
  ConnectionOwner,
  ConnectTarget,
  Listener,
  ListenOptions,
  ListenOwner,
  Transport,
} from "../../src/fastpath/transport.ts";
import { MemoryConnection } from "./memory-connection.ts";
import { MemoryPeer } from "./memory-peer.ts";

/** More events than any test needs: an endless exchange of events is a failure, not a hang. */
const MAX_EVENTS_PER_PUMP = 1_000_000;

/** The contexts of this transport only remember what they were made of. */
export interface MemoryServerContext extends TlsServerContext {
  readonly settings: TlsServerSettings;
  ticketKeys: readonly Uint8Array[];
}

export interface MemoryClientContext extends TlsClientContext {
  readonly settings: TlsClientSettings;
}

/** A connection that the gateway is opening. */
export interface Dial {
  readonly target: ConnectTarget;
  readonly peer: MemoryPeer;
}

export class MemoryTransport implements Transport {
  readonly kind = "net";
  out: Buffer = Buffer.alloc(1024);
  /** Decides what becomes of each dial; by default nothing happens until the test accepts or fails it. */
  onDial: (dial: Dial) => void = () => {};
  readonly dials: Dial[] = [];
  /** What accepted connections are told about the descriptors that are left. */
  scarce = false;
  /** In the order in which they were opened; closed ones leave. */
  readonly #connections = new Set<MemoryConnection>();
  readonly #listeners = new Set<MemoryListener>();
  #staged: { connection: MemoryConnection; bytes: Buffer }[] = [];
  /** Those that `onDial` has not seen: it decides later, not from within `connect`. */
  readonly #newDials: Dial[] = [];
  #reserved = 0;
  #pumping = false;
  #nextPort = 40_000;

  /** Connections that have not ended, on either side of the gateway. */
  get openConnections(): number {
    return this.#connections.size;
  }

  reserve(size: number): number {
    assert(size <= MAX_RESERVE_BYTES, "reservation over the limit");
    // Never at 0, and never with what was there before: an owner that relies on either is wrong.
    this.#reserved = 8 + size;
    this.out = Buffer.alloc(this.#reserved, 0xee);
    return 8;
  }

  send(connection: Connection, start: number, end: number): void {
    assert(start === 8 && end >= start && end <= this.#reserved, "sent what was not reserved");
    this.#stage(connection as MemoryConnection, Buffer.from(this.out.subarray(start, end)));
  }

  sendFrom(connection: Connection, bytes: Buffer, start: number, end: number): void {
    this.#stage(connection as MemoryConnection, Buffer.from(bytes.subarray(start, end)));
  }

  flush(): void {
    const staged = this.#staged;
    this.#staged = [];
    for (const { connection, bytes } of staged) connection.transmit(bytes);
  }

  blocked(connection: Connection): boolean {
    return (connection as MemoryConnection).blocked;
  }

  queuedBytes(connection: Connection): number {
    let total = (connection as MemoryConnection).queuedBytes;
    for (const staged of this.#staged) if (staged.connection === connection) total += staged.bytes.length;
    return total;
  }

  pause(connection: Connection): void {
    (connection as MemoryConnection).paused = true;
  }

  resume(connection: Connection): void {
    (connection as MemoryConnection).paused = false;
  }

  end(connection: Connection): void {
    this.flush();
    (connection as MemoryConnection).end();
  }

  finish(connection: Connection): void {
    this.flush();
    (connection as MemoryConnection).finish();
  }

  destroy(connection: Connection): void {
    this.#forget(connection as MemoryConnection);
    (connection as MemoryConnection).destroy(false);
  }

  reset(connection: Connection): void {
    this.#forget(connection as MemoryConnection);
    (connection as MemoryConnection).destroy(true);
  }

  alive(connection: Connection): boolean {
    return (connection as MemoryConnection).quiet;
  }

  connect(target: ConnectTarget, owner: ConnectionOwner): Connection {
    const connection = this.#open({ remoteAddress: target.host, remotePort: target.port, localPort: 0 });
    connection.owner = owner;
    const dial = { target, peer: new MemoryPeer(this, connection) };
    this.dials.push(dial);
    this.#newDials.push(dial);
    return connection;
  }

  /** There is no handshake: the peer says when it would be over, and what it agreed on (`MemoryPeer.handshake`). */
  secure(connection: Connection, context: TlsServerContext): void {
    (connection as MemoryConnection).secured = context;
  }

  handOver(connection: Connection, owner: ConnectionOwner): void {
    (connection as MemoryConnection).owner = owner;
  }

  tlsServer(settings: TlsServerSettings): MemoryServerContext {
    return { role: "server", settings, ticketKeys: settings.ticketKeys };
  }

  tlsClient(settings: TlsClientSettings): MemoryClientContext {
    return { role: "client", settings };
  }

  setTicketKeys(context: TlsServerContext, keys: readonly Uint8Array[]): void {
    (context as MemoryServerContext).ticketKeys = keys;
  }

  bind(options: ListenOptions): Promise<MemoryListener> {
    const listener = new MemoryListener(this, options.port === 0 ? this.#nextPort++ : options.port);
    this.#listeners.add(listener);
    return Promise.resolve(listener);
  }

  close(): void {
    for (const listener of this.#listeners) void listener.close();
    for (const connection of this.#connections) this.destroy(connection);
  }

  /** Delivers events until there are none left. Peers call it after everything they do. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.flush();
    let left = MAX_EVENTS_PER_PUMP;
    while (this.#turn()) assert(--left > 0, "events never end");
    this.#pumping = false;
  }

  /** Delivers at most one event of each connection; false when there was none. */
  #turn(): boolean {
    let delivered = this.#newDials.length > 0;
    for (const dial of this.#newDials.splice(0)) this.onDial(dial);
    for (const connection of this.#connections) {
      if (!connection.deliver()) continue;
      this.flush();
      delivered = true;
    }
    return delivered;
  }

  /** For listeners: a client connects. `null`: it was refused. */
  accept(owner: ListenOwner, remoteAddress: string, localPort: number): MemoryPeer | null {
    const connection = this.#open({ remoteAddress, remotePort: this.#nextPort++, localPort });
    const accepted = owner.onAccept(connection, this.scarce);
    connection.connected = true;
    if (accepted === null) connection.destroy(true);
    else connection.owner = accepted;
    const peer = new MemoryPeer(this, connection);
    this.pump();
    return accepted === null ? null : peer;
  }

  #open(ends: { remoteAddress: string; remotePort: number; localPort: number }): MemoryConnection {
    const connection = new MemoryConnection(ends, SEND_HIGH_WATER_BYTES, () =>
      this.#connections.delete(connection),
    );
    this.#connections.add(connection);
    return connection;
  }

  #stage(connection: MemoryConnection, bytes: Buffer): void {
    this.#staged.push({ connection, bytes });
  }

  #forget(connection: MemoryConnection): void {
    this.#staged = this.#staged.filter((staged) => staged.connection !== connection);
  }
}

export class MemoryListener implements Listener {
  readonly port: number;
  readonly #transport: MemoryTransport;
  #owner: ListenOwner | null = null;
  closed = false;

  constructor(transport: MemoryTransport, port: number) {
    this.#transport = transport;
    this.port = port;
  }

  accept(owner: ListenOwner): void {
    this.#owner = owner;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  /** A client connects; `null`: the listener took it and reset it. */
  connect(remoteAddress: string): MemoryPeer | null {
    assert(!this.closed && this.#owner !== null, "nobody listens");
    return this.#transport.accept(this.#owner, remoteAddress, this.port);
  }
}
