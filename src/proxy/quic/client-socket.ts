/** The connections to backends of one address family, on one socket; see `QuicClientEndpoint`. */
import { randomBytes } from "node:crypto";
import type { QuicClose } from "../../fastpath/quic-engine.ts";
import {
  UDP_END,
  UDP_START,
  type UdpAddress,
  type UdpBatch,
  type UdpOwner,
  type UdpSocket,
} from "../../fastpath/udp.ts";
import { CONNECTION_ID_BYTES, ConnectionIdIssuer } from "../../wire/quic/connection-id.ts";
import { ConnectionIdMap } from "../../wire/quic/connection-id-map.ts";
import { HASH_KEY_BYTES } from "../../wire/quic/half-sip-hash.ts";
import { PacketHeader, PacketType } from "../../wire/quic/packet-header.ts";
import { StatelessResets } from "../../wire/quic/stateless-reset.ts";
import type { QuicDial } from "./client-endpoint.ts";
import type { IdSource } from "./held-ids.ts";
import { PacketSender } from "./packet-sender.ts";
import type { ConnectionHost } from "./connection-host.ts";
import { QuicConnection } from "./quic-connection.ts";
import type { QuicEnvironment } from "./quic-environment.ts";
import type { QuicOwner } from "./quic-owner.ts";
import { RateAllowance } from "./rate-allowance.ts";
import type { Routed } from "./routed.ts";
import { TransportError } from "./transport-error.ts";
import { type Arrival, cameOver, localOf, recordStart, sameAddress } from "./udp-paths.ts";

/** Connections to backends on one socket: what all pools of a worker may hold together. */
const MAX_CONNECTIONS = 65_536;

/**
 * Packets without a connection that are taken for stateless resets, in a second: their connection ID is
 * random (RFC 9000 section 10.3.1), so the connections to their sender are searched.
 */
const RESET_SEARCHES_PER_SECOND = 200;

export class ClientSocket implements UdpOwner, ConnectionHost {
  readonly environment: QuicEnvironment;
  readonly sender: PacketSender;
  readonly ids: IdSource;
  readonly migration = false;
  readonly #connections = new Set<QuicConnection>();
  readonly #searches: RateAllowance;
  readonly #header = new PacketHeader();
  readonly #arrival: Arrival;
  #closed = false;

  constructor(environment: QuicEnvironment, socket: UdpSocket, maxSendPayloadBytes: number) {
    const { pump, counters, clock, worker, resetKey } = environment;
    this.environment = environment;
    this.sender = new PacketSender(socket, pump, counters, maxSendPayloadBytes);
    this.ids = {
      map: new ConnectionIdMap<Routed>(MAX_CONNECTIONS, randomBytes(HASH_KEY_BYTES)),
      issuer: new ConnectionIdIssuer(worker),
      resets: new StatelessResets(resetKey),
    };
    this.#searches = new RateAllowance(RESET_SEARCHES_PER_SECOND, clock.nowMs);
    this.#arrival = { records: new Uint32Array(0), at: 0, socketLocal: socket.local };
    socket.receive(this);
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  connect({ context, transport, remote, serverName }: QuicDial, owner: QuicOwner): QuicConnection | null {
    if (this.#closed) return null;
    const scid = Buffer.allocUnsafe(CONNECTION_ID_BYTES);
    this.ids.issuer.issue(scid, 0);
    const path = { local: localOf(this.sender.socket.local), remote };
    const engine = this.environment.engine.connect(context, scid, path);
    if (engine === null) return null;
    const connection = new QuicConnection(this, {
      engine,
      server: false,
      path,
      unprovenDcid: null,
      owner,
      serverName,
      connectionWindowBytes: transport.connectionWindowBytes,
      streamWindowBytes: transport.streamWindowBytes,
      handshakeTimeoutMs: Infinity,
    });
    if (!connection.ids.hold(scid)) return null;
    this.#connections.add(connection);
    this.environment.pump.mark(connection);
    return connection;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const connection of this.#connections) connection.closeTransport(TransportError.none, "");
    this.environment.pump.run();
    for (const connection of this.#connections) connection.abandon();
    this.environment.pump.run();
    this.sender.close();
  }

  onDatagrams(batch: UdpBatch): void {
    const { pump, counters } = this.environment;
    const { bytes, records, count } = batch;
    const arrival = this.#arrival;
    let octets = 0;
    pump.beginBatch();
    arrival.records = records;
    for (let i = 0; i < count; i++) {
      const at = recordStart(i);
      const start = records[at + UDP_START] as number;
      const end = records[at + UDP_END] as number;
      arrival.at = at;
      octets += end - start;
      this.#route(bytes, start, end);
    }
    counters.add("quic_datagrams_received_total", count);
    counters.add("quic_octets_received_total", octets);
    pump.run();
  }

  onDrain(): void {
    this.sender.onDrain();
  }

  /** Forged or not, a handshake that nobody answers would fail anyway; established connections know better. */
  onUnreachable(remote: UdpAddress, code: string): void {
    this.environment.counters.add("quic_unreachable_total", 1);
    for (const connection of this.#connections) {
      if (!connection.established && sameAddress(connection.path.remote, remote)) connection.fail(code);
    }
  }

  onError(code: string): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.fail(code);
    this.environment.pump.run();
    this.sender.close();
  }

  /** A client's connections have their owners from the beginning. */
  opened(): null {
    return null;
  }

  ended(_connection: QuicConnection, _reason: QuicClose): void {}

  gone(connection: QuicConnection): void {
    this.#connections.delete(connection);
  }

  #route(bytes: Buffer, start: number, end: number): void {
    const header = this.#header;
    const { counters, clock } = this.environment;
    if (header.parse(bytes, start, end, CONNECTION_ID_BYTES)) {
      const found = this.ids.map.find(bytes, header.dcidStart, header.dcidEnd);
      if (found !== null) {
        found.onDatagram(bytes, start, end, this.#arrival);
        return;
      }
      if (header.type === PacketType.short && this.#searches.take(clock.nowMs)) {
        this.#offerReset(bytes, start, end);
        return;
      }
    }
    counters.add("quic_packets_dropped_total", 1);
  }

  /** To whoever may know the token at its end. The engine decrypts in place, so each gets the octets as they came. */
  #offerReset(bytes: Buffer, start: number, end: number): void {
    for (const connection of this.#connections) {
      if (!connection.established || !cameOver(connection.path, this.#arrival)) continue;
      const copy = Buffer.from(bytes.subarray(start, end));
      connection.receive(copy, 0, copy.length);
    }
  }
}
