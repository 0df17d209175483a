/**
 * The transport on the addon (`native/transport`): everything that happened in a turn of the event
 * loop comes in one call, and what it made the owners send goes out when that call returns. Events
 * and commands are words in shared memory; received bytes lie in one slab, encoded ones in one arena.
 */
import { getSystemErrorName } from "node:util";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { formatIp } from "../base/ip.ts";
import { MAX_RESERVE_BYTES } from "../base/limits.ts";
import { openListenSocket } from "./listen-socket.ts";
import type { NativeAddon, NativeEngine, NativeTransportHandle } from "./native-addon.ts";
import { PROBE_QUIET } from "./native-addon.ts";
import { NativeCommands } from "./native-commands.ts";
import { NativeConnection } from "./native-connection.ts";
import {
  COMMAND_DESTROY,
  COMMAND_END,
  COMMAND_FINISH,
  COMMAND_PAUSE,
  COMMAND_RESET,
  COMMAND_RESUME,
  COMMAND_SEND_OUT,
  COMMAND_SEND_SLAB,
  EVENT_ACCEPT,
  EVENT_ACCEPT_ERROR,
  EVENT_CLOSE,
  EVENT_CONNECT,
  EVENT_DATA,
  EVENT_DRAIN,
  EVENT_END,
  RECORD_WORDS,
  SLOT_ADDRESS,
  SLOT_BLOCKED,
  SLOT_HAS_ADDRESS,
  SLOT_QUEUED,
  SLOT_REMOTE_PORT,
  SLOT_WORDS,
} from "./native-layout.ts";
import { NativeListener } from "./native-listener.ts";
import { NativeClientContext, NativeServerContext, tlsError } from "./native-tls.ts";
import type { TlsClientContext, TlsClientSettings, TlsServerContext, TlsServerSettings } from "./tls.ts";
import type {
  Connection,
  ConnectionOwner,
  ConnectTarget,
  Listener,
  ListenOptions,
  Transport,
} from "./transport.ts";

/** Received bytes of a batch: nineteen full reads; small messages fit by the thousand. */
const SLAB_BYTES = 1216 * 1024;

/** Encoded bytes of a batch; a larger one is sent in parts. */
const OUT_BYTES = 2 * 1024 * 1024;

/** Events of a batch; more make another batch. */
const EVENTS = 4096;

/** Connections at once, whatever the limit of descriptors: 32 bytes each, touched only where used. */
const MAX_CONNECTIONS = 1_048_576;

export class NativeTransport implements Transport {
  readonly kind: NativeEngine;
  readonly out: Buffer = arena(OUT_BYTES);
  readonly #clock: Clock;
  readonly #addon: NativeAddon;
  readonly #handle: NativeTransportHandle;
  readonly #slab: Buffer = arena(SLAB_BYTES);
  readonly #events = new Int32Array(EVENTS * RECORD_WORDS);
  readonly #commands = new NativeCommands((count) => this.#handle.submit(count));
  readonly #slots: Int32Array;
  readonly #words = new Uint32Array(4);
  readonly #connections: (NativeConnection | null)[] = [];
  readonly #listeners: (NativeListener | null)[] = [];
  /** Bytes of `out` that are staged. */
  #used = 0;
  /** Owners are being called. */
  #inBatch = false;
  #openConnections = 0;
  #closing = false;

  /** Throws an `Error` with an errno `code` when the engine cannot run here; `transportProbe` tells before. */
  constructor(clock: Clock, addon: NativeAddon, engine: NativeEngine) {
    this.kind = engine;
    this.#clock = clock;
    this.#addon = addon;
    const limit = addon.openFileLimit().hard;
    this.#slots = new Int32Array(Math.min(limit, MAX_CONNECTIONS) * SLOT_WORDS);
    this.#handle = new addon.Transport(
      engine,
      {
        slab: this.#slab,
        out: this.out,
        events: this.#events,
        commands: this.#commands.ring,
        slots: this.#slots,
      },
      (events) => this.#onBatch(events),
    );
  }

  // Sending.

  reserve(size: number): number {
    assert(size <= MAX_RESERVE_BYTES, "reservation over the limit");
    if (OUT_BYTES - this.#used < size) this.flush();
    return this.#used;
  }

  send(connection: Connection, start: number, end: number): void {
    this.#used = end;
    this.#commands.send(COMMAND_SEND_OUT, connection as NativeConnection, start, end);
  }

  sendFrom(connection: Connection, bytes: Buffer, start: number, end: number): void {
    const target = connection as NativeConnection;
    if (bytes === this.#slab) return this.#commands.send(COMMAND_SEND_SLAB, target, start, end);
    for (let from = start; from < end; from += MAX_RESERVE_BYTES) {
      const to = Math.min(end, from + MAX_RESERVE_BYTES);
      const offset = this.reserve(to - from);
      bytes.copy(this.out, offset, from, to);
      this.send(target, offset, offset + to - from);
    }
  }

  flush(): void {
    this.#commands.flush();
    this.#used = 0;
  }

  blocked(connection: Connection): boolean {
    const { open, id } = connection as NativeConnection;
    return open && this.#slots[id * SLOT_WORDS + SLOT_BLOCKED] === 1;
  }

  queuedBytes(connection: Connection): number {
    const target = connection as NativeConnection;
    if (!target.open) return 0;
    const queued = this.#slots[target.id * SLOT_WORDS + SLOT_QUEUED] as number;
    return target.stagedIn === this.#commands.batch ? queued + target.stagedBytes : queued;
  }

  // Receiving, and ends.

  pause(connection: Connection): void {
    const { open, id } = connection as NativeConnection;
    if (open) this.#control(COMMAND_PAUSE, id);
  }

  resume(connection: Connection): void {
    const { open, id } = connection as NativeConnection;
    if (open) this.#control(COMMAND_RESUME, id);
  }

  end(connection: Connection): void {
    const { open, id } = connection as NativeConnection;
    if (open) this.#control(COMMAND_END, id);
  }

  finish(connection: Connection): void {
    const { open, id } = connection as NativeConnection;
    if (open) this.#control(COMMAND_FINISH, id);
  }

  destroy(connection: Connection): void {
    this.#drop(connection as NativeConnection, COMMAND_DESTROY);
  }

  reset(connection: Connection): void {
    this.#drop(connection as NativeConnection, COMMAND_RESET);
  }

  /** What was staged for it last is not sent; nothing happens to it from here on but its close. */
  #drop(target: NativeConnection, kind: number): void {
    if (!target.open) return;
    target.open = false;
    this.#commands.dropSends(target.id);
    this.#control(kind, target.id);
  }

  /** Takes effect when the batch ends; outside of one at once. */
  #control(kind: number, id: number): void {
    this.#commands.push(kind, id, 0, 0);
    if (!this.#inBatch) this.flush();
  }

  alive(connection: Connection): boolean {
    const target = connection as NativeConnection;
    return target.open && !target.ended && this.#handle.probe(target.id) === PROBE_QUIET;
  }

  // New connections.

  connect(target: ConnectTarget, owner: ConnectionOwner): Connection {
    const { host, port } = target;
    const tls = target.tls === null ? null : (target.tls as NativeClientContext).native;
    const id = this.#closing ? -1 : this.#handle.connect(host, port, tls);
    const connection = new NativeConnection(id, port === -1 ? "" : host, port, 0);
    connection.owner = owner;
    if (id === -1) {
      connection.open = false;
      queueMicrotask(() => owner.onClose(this.#closing ? "ECANCELED" : "ENOBUFS"));
      return connection;
    }
    if (tls !== null) connection.handle = this.#handle;
    this.#connections[id] = connection;
    this.#openConnections += 1;
    return connection;
  }

  secure(connection: Connection, context: TlsServerContext): void {
    const target = connection as NativeConnection;
    if (!target.open) return;
    target.handle = this.#handle;
    this.#handle.secure(target.id, (context as NativeServerContext).native);
  }

  handOver(connection: Connection, owner: ConnectionOwner): void {
    (connection as NativeConnection).owner = owner;
  }

  tlsServer(settings: TlsServerSettings): TlsServerContext {
    return new NativeServerContext(this.#handle, settings);
  }

  tlsClient(settings: TlsClientSettings): TlsClientContext {
    return new NativeClientContext(this.#handle, settings);
  }

  setTicketKeys(context: TlsServerContext, keys: readonly Uint8Array[]): void {
    this.#handle.setTicketKeys((context as NativeServerContext).native, keys);
  }

  bind(options: ListenOptions): Promise<Listener> {
    return new Promise((resolve) => {
      const socket = openListenSocket(this.#addon, options);
      assert(socket !== null, "the addon opens listening sockets");
      const listener = new NativeListener(this.#addon, this.#handle, socket, (id) => {
        this.#listeners[id] = listener;
        listener.onClosed = (): void => {
          this.#listeners[id] = null;
        };
      });
      resolve(listener);
    });
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    for (const listener of this.#listeners) listener?.abandon();
    for (const connection of this.#connections) if (connection !== null) this.destroy(connection);
    this.#closeWhenEmpty();
  }

  #closeWhenEmpty(): void {
    if (this.#closing && this.#openConnections === 0) this.#handle.close();
  }

  // Events.

  #onBatch(count: number): number {
    this.#clock.refresh();
    this.#inBatch = true;
    const events = this.#events;
    const end = count * RECORD_WORDS;
    for (let at = 0; at < end; at += RECORD_WORDS) {
      const id = events[at + 1] as number;
      const a = events[at + 2] as number;
      const b = events[at + 3] as number;
      const kind = events[at] as number;
      if (kind === EVENT_DATA) {
        const connection = this.#connections[id] as NativeConnection;
        if (connection.open) (connection.owner as ConnectionOwner).onData(this.#slab, a, b);
      } else {
        this.#onRareEvent(kind, id, a, b);
      }
    }
    this.#inBatch = false;
    this.#used = 0;
    return this.#commands.take();
  }

  #onRareEvent(kind: number, id: number, a: number, b: number): void {
    if (kind === EVENT_ACCEPT) return this.#onAccept(id, a, b);
    if (kind === EVENT_ACCEPT_ERROR) return this.#listeners[id]?.failed(errorName(a), b === 1);
    const connection = this.#connections[id] as NativeConnection;
    if (kind === EVENT_CLOSE) return this.#onClose(connection, a, b === 1);
    if (!connection.open) return;
    const owner = connection.owner as ConnectionOwner;
    if (kind === EVENT_CONNECT) {
      owner.onConnect();
    } else if (kind === EVENT_END) {
      connection.ended = true;
      owner.onEnd();
    } else {
      assert(kind === EVENT_DRAIN, "an event that is none");
      owner.onDrain();
    }
  }

  #onAccept(id: number, listenerId: number, fd: number): void {
    const listener = this.#listeners[listenerId] ?? null;
    const slot = id * SLOT_WORDS;
    const slots = this.#slots;
    const words = this.#words;
    for (let word = 0; word < words.length; word++) words[word] = slots[slot + SLOT_ADDRESS + word] as number;
    const connection = new NativeConnection(
      id,
      slots[slot + SLOT_HAS_ADDRESS] === 1 ? formatIp(words) : "",
      slots[slot + SLOT_REMOTE_PORT] as number,
      listener === null ? 0 : listener.port,
    );
    this.#connections[id] = connection;
    this.#openConnections += 1;
    connection.owner = listener === null ? null : listener.offer(connection, fd);
    if (connection.owner === null) this.reset(connection);
  }

  #onClose(connection: NativeConnection, errno: number, ofTls: boolean): void {
    const { id, owner } = connection;
    // What we ended ourselves has ended in order.
    let error = "";
    if (connection.open && ofTls) error = tlsError(this.#handle, id);
    else if (connection.open && errno !== 0) error = errorName(errno);
    connection.open = false;
    connection.owner = null;
    this.#connections[id] = null;
    this.#openConnections -= 1;
    owner?.onClose(error);
    connection.forget();
    this.#closeWhenEmpty();
  }
}

/** Memory of its own: a pooled buffer would share its `ArrayBuffer` with others. */
function arena(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes);
}

/** `ECONNRESET` for 104. */
function errorName(errno: number): string {
  return getSystemErrorName(-errno);
}
