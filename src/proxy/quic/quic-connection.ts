/**
 * One QUIC connection, of either role: drives an engine and makes the calls of a `QuicOwner`. Its endpoint
 * routes datagrams to it, the worker's pump gives it a turn for each batch in which something has
 * happened to it, and one lazy timer wakes it. In a turn it reads what streams have, hands that on,
 * retries what could not be written, and encodes packets straight into the socket's arena.
 */
import { Timer } from "../../base/timer-wheel.ts";
import type { QuicClose, QuicConnectionEngine } from "../../fastpath/quic-engine.ts";
import type { UdpPath } from "../../fastpath/udp.ts";
import type { ConnectionCore } from "./connection-core.ts";
import type { ConnectionHost, ConnectionOptions } from "./connection-host.ts";
import { HeldIds } from "./held-ids.ts";
import { OctetBudget } from "./octet-budget.ts";
import { PeerPaths } from "./peer-paths.ts";
import type { QuicLink, QuicOwner } from "./quic-owner.ts";
import type { Pumped } from "./quic-pump.ts";
import type { Routed } from "./routed.ts";
import { StreamInbound } from "./stream-inbound.ts";
import { StreamOutbound } from "./stream-outbound.ts";
import { StreamTable } from "./stream-table.ts";
import { HANDSHAKE_TIMEOUT, TransportError } from "./transport-error.ts";
import type { Arrival } from "./udp-paths.ts";

/** Datagrams of RFC 9221 that are handed on in one turn. */
const MAX_DATAGRAMS_PER_TURN = 1024;

/** A packet that asks whether it is heard is padded to this (RFC 9000 section 8.2.1). */
const MIN_PATH_CHALLENGE_BYTES = 1200;

/** Without a word to the peer: see `QuicLink.abandon`. */
const ABANDONED: QuicClose = { by: "local", application: false, code: TransportError.none, reason: "" };

export class QuicConnection implements QuicLink, Pumped, Routed {
  queued = false;
  readonly serverName: string;
  readonly ids: HeldIds;
  readonly #host: ConnectionHost;
  readonly #core: ConnectionCore;
  readonly #inbound: StreamInbound;
  readonly #outbound: StreamOutbound;
  readonly #timer: Timer;
  readonly #handshakeEndMs: number;
  readonly #paths: PeerPaths;
  #owner: QuicOwner | null;
  /** Packets have come since the last turn. */
  #received = false;
  #establishedTold = false;
  #wornTold = false;
  #abandoned: QuicClose | null = null;
  #endTold = false;
  #gone = false;

  constructor(host: ConnectionHost, options: ConnectionOptions) {
    const { clock, arena } = host.environment;
    const { engine, server, connectionWindowBytes, streamWindowBytes } = options;
    this.#host = host;
    this.serverName = options.serverName;
    this.ids = new HeldIds(host.ids, this);
    const budget = new OctetBudget(connectionWindowBytes, streamWindowBytes, clock.nowMs);
    this.#core = { engine, table: new StreamTable(server), budget, clock, arena, silent: false };
    this.#outbound = new StreamOutbound(this.#core, server);
    this.#inbound = new StreamInbound(this.#core, this.#outbound);
    this.#paths = new PeerPaths(options.path, options.unprovenDcid);
    this.#owner = options.owner;
    this.#timer = new Timer(() => this.#onTimer());
    this.#handshakeEndMs = clock.nowMs + options.handshakeTimeoutMs;
  }

  get engine(): QuicConnectionEngine {
    return this.#core.engine;
  }

  /** Somebody hears, or has heard, of its streams. */
  get opened(): boolean {
    return this.#owner !== null;
  }

  get owner(): QuicOwner | null {
    return this.#owner;
  }

  get path(): UdpPath {
    return this.#paths.current;
  }

  get established(): boolean {
    return this.#core.engine.established;
  }

  get inEarlyData(): boolean {
    return this.#core.engine.inEarlyData;
  }

  get applicationProtocol(): string {
    return this.#core.engine.applicationProtocol;
  }

  get remoteAddress(): string {
    return this.#paths.remoteAddress;
  }

  get remotePort(): number {
    return this.#paths.current.remote.port;
  }

  openUnidirectional(): number {
    if (this.#core.silent) return -1;
    this.#mark();
    return this.#outbound.openUnidirectional();
  }

  openBidirectional(): number {
    if (this.#core.silent) return -1;
    this.#mark();
    return this.#outbound.openBidirectional();
  }

  bidirectionalLeft(): number {
    return this.#core.silent ? 0 : this.#core.engine.bidirectionalStreamsLeft();
  }

  write(id: number, bytes: Buffer, start: number, end: number, fin: boolean): number {
    if (this.#core.silent) return -1;
    this.#mark();
    return this.#outbound.write(id, bytes, start, end, fin);
  }

  reset(id: number, code: number): void {
    if (this.#core.silent) return;
    this.#outbound.reset(id, code);
    this.#mark();
  }

  stop(id: number, code: number): void {
    const { table, engine, budget, silent } = this.#core;
    const stream = table.get(id);
    if (silent || stream === undefined || stream.readDone) return;
    table.endReading(stream);
    budget.cutShort();
    engine.stopSending(id, code);
    this.#mark();
  }

  pause(id: number): void {
    const { table } = this.#core;
    const stream = table.get(id);
    if (stream !== undefined) table.pause(stream);
  }

  resume(id: number): void {
    const { table } = this.#core;
    const stream = table.get(id);
    if (stream === undefined || !stream.paused) return;
    table.resume(stream);
    this.#mark();
  }

  /** Nothing of any stream is read until `resumeAll`, of those that the peer opens meanwhile neither. */
  pauseAll(): void {
    this.#core.table.allPaused = true;
  }

  resumeAll(): void {
    const { table } = this.#core;
    if (!table.allPaused) return;
    table.allPaused = false;
    // Streams may have been opened meanwhile: they are looked for as after packets.
    this.#received = true;
    this.#mark();
  }

  prioritise(id: number, urgency: number, incremental: boolean): void {
    if (!this.#core.silent) this.#outbound.prioritise(id, urgency, incremental);
  }

  sendDatagram(bytes: Buffer, start: number, end: number): boolean {
    const { engine, budget, silent } = this.#core;
    if (silent || end - start > engine.datagramCapacity()) return false;
    if (!engine.sendDatagram(bytes, start, end)) return false;
    budget.written(end - start);
    this.#mark();
    return true;
  }

  close(code: number, reason: string): void {
    this.#end(true, code, reason);
  }

  /** CONNECTION_CLOSE with a code of the transport (RFC 9000 section 20.1). */
  closeTransport(code: number, reason: string): void {
    this.#end(false, code, reason);
  }

  abandon(): void {
    this.fail("");
  }

  /** As `abandon`, with words for the owner. */
  fail(reason: string): void {
    this.#core.silent = true;
    this.#abandoned ??= reason === "" ? ABANDONED : { ...ABANDONED, reason };
    this.#mark();
  }

  flush(): void {
    this.#host.environment.pump.run();
  }

  finished(id: number): boolean {
    return this.#core.silent || this.#outbound.finished(id);
  }

  /** The connection has a turn soon: its owner holds back what `QuicOwner.beforeSend` is to write. */
  wake(): void {
    this.#mark();
  }

  onDatagram(bytes: Buffer, start: number, end: number, arrival: Arrival): void {
    const { environment, migration } = this.#host;
    if (this.#paths.isHome(arrival, environment.clock.nowMs)) this.receive(bytes, start, end);
    else if (migration) this.#receiveElsewhere(bytes, start, end, arrival);
    else environment.counters.add("quic_migrations_refused_total", 1);
  }

  #receiveElsewhere(bytes: Buffer, start: number, end: number, arrival: Arrival): void {
    const { clock, counters } = this.#host.environment;
    this.#paths.arriving(arrival, this.engine, clock.nowMs);
    this.receive(bytes, start, end);
    if (!this.#paths.arrived(arrival, end - start, this.engine, clock.nowMs)) return;
    counters.add("quic_migrations_total", 1);
    // It may have asked whether it is heard there (RFC 9000 section 8.2.1): what is said to that belongs there,
    // whatever else of the batch comes from where it was before.
    if (end - start >= MIN_PATH_CHALLENGE_BYTES) this.#send();
  }

  /** As `onDatagram`, from where the peer is known to be. */
  receive(bytes: Buffer, start: number, end: number): void {
    const { engine, budget, table, silent } = this.#core;
    budget.received(end - start);
    this.#paths.received(bytes, start, end);
    this.#outbound.received();
    engine.receive(bytes, start, end);
    this.#received = true;
    this.#mark();
    if (silent && budget.late(end - start)) this.abandon();
    else if (!silent && budget.overdrawn(engine, table, this.#host.environment.clock.nowMs))
      this.#endOverBudget();
  }

  #endOverBudget(): void {
    this.#host.environment.counters.add("quic_budget_exceeded_total", 1);
    const code = this.established ? TransportError.protocolViolation : TransportError.cryptoBufferExceeded;
    this.closeTransport(code, "more octets than were of use");
  }

  turn(): void {
    if (this.#gone) return;
    const received = this.#received;
    this.#received = false;
    const more = this.#exchange(received);
    if (received && this.ids.releaseRetired(this.engine) && this.#host.migration)
      this.ids.offerSpares(this.engine);
    if (!this.#core.silent) this.#owner?.beforeSend?.();
    this.#core.table.sweep();
    if (this.#abandoned === null) this.#send();
    this.#tellEnd();
    if (this.#gone) return;
    if (more) this.#mark();
    this.#arm();
  }

  /** Calls of the owner; returns whether there is more for it at once. */
  #exchange(received: boolean): boolean {
    const { engine } = this.#core;
    if (this.#core.silent || this.#endTold || !(engine.established || engine.inEarlyData)) return false;
    const owner = (this.#owner ??= this.#host.opened(this));
    if (owner === null) {
      this.closeTransport(TransportError.connectionRefused, "");
      return false;
    }
    if (engine.established && !this.#establishedTold) {
      this.#establishedTold = true;
      owner.onEstablished();
      if (this.#host.migration) this.ids.offerSpares(engine);
    }
    let more = this.#inbound.read(owner, received);
    if (received) more = this.#readDatagrams(owner) || more;
    this.#outbound.advance(owner, received);
    if (received) this.#tellWorn(owner);
    return more;
  }

  #tellWorn(owner: QuicOwner): void {
    if (this.#wornTold || this.#core.silent || !this.#core.engine.worn) return;
    this.#wornTold = true;
    owner.onWorn?.();
  }

  #readDatagrams(owner: QuicOwner): boolean {
    const { engine, arena, budget } = this.#core;
    for (let i = 0; i < MAX_DATAGRAMS_PER_TURN; i++) {
      if (this.#core.silent) return false;
      const length = engine.readDatagram(arena, 0, arena.length);
      if (length < 0) return false;
      budget.delivered(length);
      owner.onDatagram(arena, 0, length);
    }
    this.#received = true;
    return true;
  }

  #end(application: boolean, code: number, reason: string): void {
    if (this.#core.silent) return;
    this.#core.silent = true;
    // An engine that closes says nothing else any more: what was written before goes out first.
    this.#send();
    this.#core.engine.close(application, code, reason);
    this.#mark();
  }

  #send(): void {
    const octets = this.#host.sender.sendPackets(this.engine, this, this.#paths.allowance);
    this.#outbound.sent(octets);
    this.#paths.sent(octets, this.#host.environment.clock.nowMs);
  }

  #tellEnd(): void {
    const { engine, table } = this.#core;
    const reason = this.#abandoned ?? engine.closeReason;
    if (reason !== null && !this.#endTold) {
      this.#endTold = true;
      this.#core.silent = true;
      table.clear();
      this.#owner?.onClosed(reason);
      this.#host.ended(this, reason);
    }
    if (this.#abandoned === null && !engine.closed) return;
    this.#gone = true;
    this.#host.environment.wheel.remove(this.#timer);
    this.ids.releaseAll();
    this.#host.gone(this);
  }

  #mark(): void {
    if (!this.#gone) this.#host.environment.pump.mark(this);
  }

  #arm(): void {
    const { clock, wheel } = this.#host.environment;
    const { engine } = this.#core;
    let deadlineMs = clock.nowMs + engine.timeoutMs();
    if (!engine.established) deadlineMs = Math.min(deadlineMs, this.#handshakeEndMs);
    deadlineMs = Math.min(deadlineMs, this.#outbound.wantedMs);
    if (deadlineMs === Infinity) wheel.disarm(this.#timer);
    else wheel.arm(this.#timer, deadlineMs);
  }

  #onTimer(): void {
    const { engine } = this.#core;
    engine.onTimeout();
    this.#paths.onTimeout(this.#host.environment.clock.nowMs);
    if (!engine.established && this.#host.environment.clock.nowMs >= this.#handshakeEndMs) {
      this.closeTransport(TransportError.none, HANDSHAKE_TIMEOUT);
    }
    this.#mark();
  }
}
