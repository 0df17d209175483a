/**
 * A QUIC listener of one worker: a UDP socket whose datagrams are routed by connection ID to connections,
 * to the gate for new clients, or to the worker that owns them. The data plane opens it, tells it new
 * settings on reload, and drains and stops it; each connection's streams go to whoever `QuicListenerOwner` says.
 */
import type { QuicClose } from "../../fastpath/quic-engine.ts";
import {
  UDP_END,
  UDP_START,
  type UdpAddress,
  type UdpBatch,
  type UdpOwner,
  type UdpSocket,
} from "../../fastpath/udp.ts";
import { CONNECTION_ID_BYTES, ConnectionIdIssuer, workerOf } from "../../wire/quic/connection-id.ts";
import { ConnectionIdMap } from "../../wire/quic/connection-id-map.ts";
import { HASH_KEY_BYTES } from "../../wire/quic/half-sip-hash.ts";
import { PacketHeader, PacketType } from "../../wire/quic/packet-header.ts";
import { StatelessResets } from "../../wire/quic/stateless-reset.ts";
import { randomBytes } from "node:crypto";
import { ConnectionMaker } from "./connection-maker.ts";
import type { HandOver, HandOverTaker } from "./hand-over.ts";
import type { IdSource } from "./held-ids.ts";
import { InitialGate } from "./initial-gate.ts";
import type {
  ConnectionTickets,
  QuicListenerOwner,
  QuicListenerSettings,
  QuicServed,
} from "./listener-settings.ts";
import { PacketSender } from "./packet-sender.ts";
import type { ConnectionHost } from "./connection-host.ts";
import type { QuicConnection } from "./quic-connection.ts";
import type { QuicEnvironment } from "./quic-environment.ts";
import type { Routed } from "./routed.ts";
import { StatelessReplies } from "./stateless-replies.ts";
import { TransportError } from "./transport-error.ts";
import { type Arrival, recordStart } from "./udp-paths.ts";

/** Of all connections: seven each of 600,000, which no worker has memory for. What bounds them is `maxConnections`. */
const MAX_CONNECTION_IDS: number = 4_194_304;

export interface QuicListenerOptions {
  readonly environment: QuicEnvironment;
  /** Bound, and not receiving yet. The endpoint's from now on. */
  readonly socket: UdpSocket;
  readonly owner: QuicListenerOwner;
  readonly tickets: ConnectionTickets;
  /** `null`: there is one worker. */
  readonly handOver: HandOver | null;
  readonly settings: QuicListenerSettings;
}

export class QuicListenerEndpoint implements UdpOwner, ConnectionHost, HandOverTaker {
  readonly environment: QuicEnvironment;
  readonly sender: PacketSender;
  readonly ids: IdSource;
  readonly #owner: QuicListenerOwner;
  readonly #handOver: HandOver | null;
  readonly #replies: StatelessReplies;
  readonly #maker: ConnectionMaker;
  readonly #gate: InitialGate;
  readonly #served = new Map<QuicConnection, QuicServed>();
  readonly #header = new PacketHeader();
  readonly #arrival: Arrival;
  #settings: QuicListenerSettings;
  #graceOf: (() => number) | null = null;
  #closed = false;

  constructor({ environment, socket, owner, tickets, handOver, settings }: QuicListenerOptions) {
    const { pump, counters, worker, resetKey } = environment;
    this.environment = environment;
    this.#owner = owner;
    this.#handOver = handOver;
    this.#settings = settings;
    this.sender = new PacketSender(socket, pump, counters, settings.transport.maxSendPayloadBytes);
    const issuer = new ConnectionIdIssuer(worker);
    const resets = new StatelessResets(resetKey);
    const map = new ConnectionIdMap<Routed>(MAX_CONNECTION_IDS, randomBytes(HASH_KEY_BYTES));
    this.ids = { map, issuer, resets };
    this.#replies = new StatelessReplies({ environment, sender: this.sender, issuer, resets });
    this.#maker = new ConnectionMaker(settings, { host: this, owner, tickets });
    const { ids } = this;
    this.#gate = new InitialGate(settings, { environment, ids, replies: this.#replies, maker: this.#maker });
    this.#arrival = { records: new Uint32Array(0), at: 0, socketLocal: socket.local };
  }

  get local(): UdpAddress {
    return this.sender.socket.local;
  }

  get port(): number {
    return this.sender.socket.local.port;
  }

  /** Connections, those included that are ending. */
  get openConnections(): number {
    return this.#maker.open;
  }

  /** Handshakes under way. */
  get halfOpenConnections(): number {
    return this.#maker.halfOpen;
  }

  get migration(): boolean {
    return !this.#settings.transport.disableActiveMigration;
  }

  /** The generation is live: clients are served from now on. */
  accept(): void {
    this.#handOver?.register(this);
    this.sender.socket.receive(this);
  }

  /** For connections that begin from now on. */
  adopt(settings: QuicListenerSettings): void {
    this.#settings = settings;
    this.#gate.settings = settings;
    this.#maker.settings = settings;
  }

  /**
   * Sends new clients to other workers, or refuses them. Connections are told, each with a grace of its own in
   * milliseconds, and go on until they close.
   */
  drain(graceOf: () => number): void {
    this.#graceOf = graceOf;
    this.#gate.draining = true;
    for (const served of this.#served.values()) served.announceClose(graceOf());
    this.environment.pump.run();
  }

  /** After `drain`: new clients are served again. Those that were told to leave still do. */
  resume(): void {
    this.#graceOf = null;
    this.#gate.draining = false;
  }

  /** Ends every connection; returns how many had something under way. `close` is to follow. */
  abort(): number {
    let cut = 0;
    for (const served of this.#served.values()) if (served.abort()) cut += 1;
    for (const connection of this.#maker.connections) {
      if (!connection.opened) connection.closeTransport(TransportError.none, "");
    }
    this.environment.pump.run();
    return cut;
  }

  /** Says nothing more, and lets the socket go. What is left of connections ends without a word. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handOver?.unregister(this);
    this.#gate.close();
    for (const connection of this.#maker.connections) connection.abandon();
    this.environment.pump.run();
    this.sender.close();
  }

  onDatagrams(batch: UdpBatch): void {
    const { pump, counters } = this.environment;
    const { bytes, records, count } = batch;
    const arrival = this.#arrival;
    let octets = 0;
    pump.beginBatch();
    for (let i = 0; i < count; i++) {
      const at = recordStart(i);
      const start = records[at + UDP_START] as number;
      const end = records[at + UDP_END] as number;
      arrival.records = records;
      arrival.at = at;
      octets += end - start;
      this.#route(bytes, start, end, this.#handOver);
    }
    counters.add("quic_datagrams_received_total", count);
    counters.add("quic_octets_received_total", octets);
    pump.run();
  }

  onDrain(): void {
    this.sender.onDrain();
  }

  /** Anybody on the path can forge it, and clients that are gone show by their silence. */
  onUnreachable(): void {}

  onError(code: string): void {
    for (const connection of this.#maker.connections) connection.fail(code);
    this.close();
    this.#owner.onFailed(code);
  }

  /** Another worker has got a datagram of a connection of ours. */
  takeOver(bytes: Buffer, start: number, end: number, { records, at }: Arrival): void {
    this.#arrival.records = records;
    this.#arrival.at = at;
    this.#route(bytes, start, end, null);
  }

  opened(connection: QuicConnection): QuicServed | null {
    this.#maker.settled(connection);
    const served = this.#owner.onConnection(connection);
    const { counters } = this.environment;
    counters.add(served === null ? "quic_connections_refused_total" : "quic_connections_total", 1);
    if (served === null) return null;
    this.#served.set(connection, served);
    if (this.#graceOf !== null) served.announceClose(this.#graceOf());
    return served;
  }

  ended(connection: QuicConnection, reason: QuicClose): void {
    this.#served.delete(connection);
    if (!this.#maker.settled(connection)) return;
    this.environment.counters.add("quic_handshakes_failed_total", 1);
    this.#owner.onHandshakeFailed(connection, reason);
  }

  gone(connection: QuicConnection): void {
    this.#maker.forget(connection);
  }

  /** `handOver`: `null` when the datagram has been handed over already. */
  #route(bytes: Buffer, start: number, end: number, handOver: HandOver | null): void {
    const header = this.#header;
    const arrival = this.#arrival;
    if (!header.parse(bytes, start, end, CONNECTION_ID_BYTES)) {
      this.environment.counters.add("quic_packets_dropped_total", 1);
      return;
    }
    const { dcidStart, dcidEnd } = header;
    const found = this.ids.map.find(bytes, dcidStart, dcidEnd);
    if (found !== null) {
      found.onDatagram(bytes, start, end, arrival);
      return;
    }
    const { type } = header;
    const ours = dcidEnd - dcidStart === CONNECTION_ID_BYTES;
    if ((type === PacketType.short || type === PacketType.handshake) && ours && handOver !== null) {
      if (handOver.forward(workerOf(bytes, dcidStart), bytes, start, end, arrival)) return;
    }
    if (type === PacketType.short) this.#replies.reset(header, end - start, arrival);
    else if (this.#gate.draining && handOver?.forwardNew(header, start, end, arrival) === true) return;
    else this.#gate.receive(header, start, end, arrival);
  }
}
