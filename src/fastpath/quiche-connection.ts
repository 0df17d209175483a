/**
 * A connection on quiche (`quic-engine.ts` says what it does). Made by `quiche-engine.ts`. Nothing of the
 * peer's is delivered before the handshake has passed what quiche does not check itself: whom the
 * certificate is for, where that is an address.
 *
 * What quiche 0.18 does not bound, and whoever drives this must, by what is received against what is
 * delivered: CRYPTO frames in gaps (27 octets of memory for each that came), STREAM frames of one octet in gaps
 * (25, until the window is full), PATH_CHALLENGEs that wait for the congestion window (3), retired connection
 * IDs (2), ACKs of packets that were never sent, which it believes. What it loses for good with streams that
 * end early: `quiche-wear.ts` and `quiche-lost-window.ts`.
 */
import type { Quiche } from "@matrixai/quic/native/quiche.js";
import type { Connection, RecvInfo } from "@matrixai/quic/native/types.js";
import { assert } from "../base/assert.ts";
import {
  MAX_QUIC_INTEGER,
  type QuicClose,
  type QuicConnectionEngine,
  type QuicStats,
  StreamResult,
} from "./quic-engine.ts";
import { closeOf, encodeReason, QUIC_BAD_CERTIFICATE, QUIC_INTERNAL_ERROR } from "./quiche-close.ts";
import type { QuicheRules } from "./quiche-context.ts";
import { QuicheFirstFlight } from "./quiche-first-flight.ts";
import { QuicheIds } from "./quiche-ids.ts";
import { QuicheKeyLog } from "./quiche-key-log.ts";
import { assertCode, QuicheStreams } from "./quiche-streams.ts";
import { isFor } from "./quiche-trust.ts";

/** The least that a packet of the handshake may need: a datagram with an Initial is padded to it (RFC 9000 section 14.1). */
const MIN_TARGET_BYTES = 1200;

/**
 * Packets after the handshake in which a client looks for a ticket. Servers send theirs in the first ones, but may
 * acknowledge before that each packet of the first flight.
 */
const TICKET_PACKETS = 100;

/**
 * Packets of a connection that is to be closed, ahead of the one that says so. When a probe of the handshake falls
 * due between a client's close and its packet, quiche has no end of them: it may not send the probe any more, and
 * waits for it. The peer is left to its idle timeout then.
 */
const MAX_LAST_PACKETS = 16;

/** What a client does with a session that can be resumed. */
export type RememberSession = (session: Uint8Array) => void;

/** What a connection is made of. */
export interface QuicheConnectionParts {
  readonly quiche: Quiche;
  readonly native: Connection;
  /** Its path: where packets come from, whatever brings them. */
  readonly info: RecvInfo;
  readonly rules: QuicheRules;
  /** `null`: a server. */
  readonly remember: RememberSession | null;
}

/**
 * What may be delivered.
 *
 *   handshake ---> open            the handshake is complete, and the peer is believed
 *       |  \-----> refused        ... and it is not
 *       \--> early ---> open       a server reads early data
 */
type Phase = "handshake" | "early" | "open" | "refused";

/** How much of it is over: `none` ---> `draining` (nothing more will be said than that) ---> `closed`. */
type Ending = "none" | "draining" | "closed";

export class QuicheConnection implements QuicConnectionEngine {
  readonly #native: Connection;
  readonly #info: RecvInfo;
  readonly #rules: QuicheRules;
  readonly #streams: QuicheStreams;
  readonly #ids: QuicheIds;
  readonly #keyLog: QuicheKeyLog | null;
  #remember: RememberSession | null;
  #ticketPackets = TICKET_PACKETS;
  #phase: Phase = "handshake";
  #ending: Ending = "none";
  /** What the peer is still to be told, once it can read it. */
  #refusal: QuicClose | null = null;
  #closeReason: QuicClose | null = null;
  #lastPackets = 0;
  /** A client's, until it is over. */
  #firstFlight: QuicheFirstFlight | null = null;
  #protocol = "";

  constructor({ quiche, native, info, rules, remember }: QuicheConnectionParts) {
    this.#native = native;
    this.#info = info;
    this.#rules = rules;
    this.#streams = new QuicheStreams(quiche, native, remember === null ? "server" : "client", rules.peer);
    this.#ids = new QuicheIds(native);
    this.#keyLog = rules.keyLogPath === "" ? null : QuicheKeyLog.open(native, rules.keyLogPath);
    this.#remember = remember;
  }

  receive(bytes: Buffer, start: number, end: number): void {
    if (start >= end || this.#ids.isLate(bytes, start, end)) return;
    this.#streams.received(end - start);
    try {
      this.#native.recv(bytes.subarray(start, end), this.#info);
    } catch {
      // quiche has closed the connection, and knows why: `closeReason` tells.
      if (this.#native.localError() !== null) this.#drain();
    }
    this.#ids.collectRetired();
    if (this.#phase !== "open") {
      this.#progress();
      return;
    }
    this.#streams.decrypted(bytes, start, end);
    if (this.#remember !== null) this.#rememberSession(this.#remember);
  }

  nextPacket(target: Buffer, start: number, end: number): number {
    assert(this.#phase === "open" || end - start >= MIN_TARGET_BYTES, "a packet needs room");
    if (this.#firstFlight !== null && this.#waits(this.#firstFlight)) return 0;
    const view = target.subarray(start, end);
    const length = this.#write(view);
    if (length > 0) this.#firstFlight?.sent();
    if (length > 0 || this.#refusal === null) return length;
    this.#tellRefusal(this.#refusal);
    return this.#write(view);
  }

  /** quiche tells whole milliseconds, rounded down, and does nothing when it is asked too early. */
  timeoutMs(): number {
    if (this.#ending === "closed") return Infinity;
    const timeout = this.#native.timeout();
    const dueMs = timeout === null ? Infinity : timeout + 1;
    return this.#firstFlight?.full === true ? Math.min(dueMs, this.#firstFlight.leftMs()) : dueMs;
  }

  onTimeout(): void {
    this.#native.onTimeout();
  }

  get established(): boolean {
    return this.#phase === "open";
  }

  get inEarlyData(): boolean {
    return this.#phase === "early" && this.#native.isInEarlyData();
  }

  get resumed(): boolean {
    return this.#phase === "open" && this.#native.isResumed();
  }

  get closed(): boolean {
    if (this.#ending !== "closed" && this.#native.isClosed()) this.#end();
    return this.#ending === "closed";
  }

  get draining(): boolean {
    if (this.#ending === "none" && this.#native.isDraining()) this.#drain();
    return this.#ending !== "none" || this.closed;
  }

  get closeReason(): QuicClose | null {
    this.#closeReason ??= closeOf(this.#native);
    return this.#closeReason;
  }

  get applicationProtocol(): string {
    return this.#protocol;
  }

  get peerCertificates(): readonly Uint8Array[] {
    return this.#native.peerCertChain() ?? [];
  }

  get hasReadable(): boolean {
    return this.#admitted && this.#streams.anyReadable;
  }

  streamReadable(id: number): boolean {
    return this.#admitted && this.#streams.isReadable(id);
  }

  readableStreams(into: number[]): number {
    if (this.#admitted) return this.#streams.listReadable(into);
    into.length = 0;
    return 0;
  }

  takeEnds(into: number[]): void {
    if (this.#admitted) this.#streams.takeEnds(into);
  }

  endTaken(id: number): void {
    this.#streams.endTaken(id);
  }

  readStream(id: number, target: Buffer, start: number, end: number): number {
    if (!this.#admitted) return StreamResult.blocked;
    return this.#streams.read(id, target, start, end);
  }

  get streamFin(): boolean {
    return this.#streams.fin;
  }

  get streamCode(): number {
    return this.#streams.code;
  }

  streamCapacity(id: number): number {
    return this.#streams.capacity(id);
  }

  writeStream(id: number, bytes: Buffer, start: number, end: number, fin: boolean): number {
    return this.#streams.write(id, bytes.subarray(start, end), fin);
  }

  resetStream(id: number, code: number): void {
    this.#streams.reset(id, code);
  }

  stopSending(id: number, code: number): void {
    this.#streams.stop(id, code);
  }

  prioritise(id: number, urgency: number, incremental: boolean): void {
    this.#streams.prioritise(id, urgency, incremental);
  }

  bidirectionalStreamsLeft(): number {
    return Math.min(this.#native.peerStreamsLeftBidi(), MAX_QUIC_INTEGER);
  }

  unidirectionalStreamsLeft(): number {
    return Math.min(this.#native.peerStreamsLeftUni(), MAX_QUIC_INTEGER);
  }

  datagramCapacity(): number {
    return this.#native.dgramMaxWritableLen() ?? 0;
  }

  sendDatagram(bytes: Buffer, start: number, end: number): boolean {
    const capacity = this.#native.dgramMaxWritableLen();
    if (capacity === null || end - start > capacity) return false;
    return this.#native.dgramSend(bytes.subarray(start, end)) !== null;
  }

  /** One that does not fit is dropped, and the next is read. */
  readDatagram(target: Buffer, start: number, end: number): number {
    if (!this.#admitted) return -1;
    const view = target.subarray(start, end);
    for (;;) {
      const length = this.#native.dgramRecvFrontLen();
      if (length === null) return -1;
      if (length <= view.length) return this.#native.dgramRecv(view) ?? -1;
      this.#native.dgramRecvVec();
    }
  }

  ping(): void {
    this.#native.sendAckEliciting();
  }

  close(application: boolean, code: number, reason: string): void {
    assertCode(code);
    this.#drain();
    this.#native.close(application, code, encodeReason(reason));
  }

  offerConnectionId(id: Buffer, resetToken: Buffer): boolean {
    return this.#ids.offer(id, resetToken);
  }

  retiredConnectionId(): Buffer | null {
    return this.#ids.nextRetired();
  }

  get worn(): boolean {
    return this.#streams.worn;
  }

  authenticOctets(): number {
    return this.#native.stats().recvBytes;
  }

  stats(): QuicStats {
    const { recv, sent, lost, recvBytes, sentBytes } = this.#native.stats();
    const path = this.#native.pathStats()[0];
    return {
      packetsReceived: recv,
      packetsSent: sent,
      packetsLost: lost,
      bytesReceived: recvBytes,
      bytesSent: sentBytes,
      roundTripMs: path?.rtt ?? 0,
      congestionWindowBytes: path?.cwnd ?? 0,
      deliveryBytesPerSecond: path?.deliveryRate ?? 0,
    };
  }

  #write(view: Buffer): number {
    const sent = this.#send(view);
    if (sent === null) return 0;
    const isLast = this.#ending !== "none" && this.#refusal === null && !this.#native.isDraining();
    if (isLast && ++this.#lastPackets === MAX_LAST_PACKETS) this.#end();
    return sent;
  }

  #send(view: Buffer): number | null {
    if (this.#ending === "closed") return null;
    try {
      return this.#native.send(view)?.[0] ?? null;
    } catch {
      return this.#sendFailure(view);
    }
  }

  /** The handshake has failed, or quiche is in a state that it does not know: it can only say so. */
  #sendFailure(view: Buffer): number | null {
    this.close(false, QUIC_INTERNAL_ERROR, "the connection cannot go on");
    try {
      return this.#native.send(view)?.[0] ?? null;
    } catch {
      this.#end();
      return null;
    }
  }

  #drain(): void {
    if (this.#ending === "none") this.#ending = "draining";
  }

  #end(): void {
    this.#ending = "closed";
    this.#closeReason ??= closeOf(this.#native);
    this.#keyLog?.flush();
  }

  get #admitted(): boolean {
    return this.#phase === "open" || this.#phase === "early";
  }

  #progress(): void {
    if (this.#phase === "refused") return;
    const native = this.#native;
    const complete = native.isEstablished();
    if (!complete && !(this.#rules.earlyData && native.isInEarlyData())) return;
    if (complete) this.#keyLog?.flush();
    this.#protocol = Buffer.from(native.applicationProto()).latin1Slice();
    if (this.#isBelieved()) this.#begin(complete ? "open" : "early");
    else this.#refuse(`the certificate is not for ${this.#rules.checkedName}`);
  }

  #begin(phase: "open" | "early"): void {
    this.#phase = phase;
    if (this.#remember !== null) this.#firstFlight = new QuicheFirstFlight();
  }

  /** A close waits for nothing. */
  #waits(flight: QuicheFirstFlight): boolean {
    if (this.#ending === "none" && flight.leftMs() > 0) return flight.full;
    this.#firstFlight = null;
    return false;
  }

  /** A session is remembered of peers that passed only, so who resumes is not asked again. */
  #isBelieved(): boolean {
    const { checkedName } = this.#rules;
    return (
      checkedName === "" || this.#native.isResumed() || isFor(this.#native.peerCertChain()?.[0], checkedName)
    );
  }

  /**
   * The peer is told when it has all of the handshake: before, it could not read what we say, which quiche
   * says in a packet of after the handshake, and then says nothing more.
   */
  #refuse(reason: string): void {
    this.#phase = "refused";
    this.#refusal = { by: "local", application: false, code: QUIC_BAD_CERTIFICATE, reason };
    this.#closeReason ??= this.#refusal;
    this.#drain();
  }

  #tellRefusal({ code, reason }: QuicClose): void {
    this.#refusal = null;
    this.close(false, code, reason);
  }

  #rememberSession(remember: RememberSession): void {
    const session = this.#native.session();
    if (session !== null) {
      remember(session);
      this.#firstFlight = null;
    }
    if (session !== null || --this.#ticketPackets === 0) this.#remember = null;
  }
}
