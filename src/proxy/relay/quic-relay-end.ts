/**
 * One end of a relay of raw QUIC: the owner of one connection. Streams that its peer opens are opened on the
 * other end in the same order, so that both have the same IDs as long as none was refused; the table
 * tells which belong together. Those that the other peer's limit does not allow yet wait.
 */
import type { QuicClose } from "../../fastpath/quic-engine.ts";
import type { QuicOwner } from "../quic/quic-owner.ts";
import { ID_STEP, SERVER_INITIATED, UNIDIRECTIONAL } from "../quic/stream-table.ts";
import type { QuicRelayCounter, QuicRelayShared } from "./quic-relay-counters.ts";
import type { FlowSource } from "./quic-relay-flow.ts";
import { EARLY_DATAGRAMS, HELD_PAUSE_BYTES } from "./quic-relay-limits.ts";
import type { QuicRelayLink } from "./quic-relay-link.ts";
import { QuicRelayStream } from "./quic-relay-stream.ts";

/**
 * With it streams are refused, by RESET_STREAM and STOP_SENDING. It is HTTP/3's H3_REQUEST_REJECTED (RFC 9114
 * section 8.1): nothing of it was processed. Other applications have no code that a relay could know.
 */
export const STREAM_REFUSED = 0x10b;

export interface QuicRelayEndOwner {
  endEstablished(end: QuicRelayEnd): void;
  endWorn(end: QuicRelayEnd): void;
  /** The last stream of the relay has ended. */
  streamsOver(): void;
  /** Last call. */
  endClosed(end: QuicRelayEnd, reason: QuicClose): void;
}

export interface QuicRelayEndOptions {
  readonly owner: QuicRelayEndOwner;
  readonly shared: QuicRelayShared;
  /** Our role in the connection. */
  readonly server: boolean;
  /** Of the octets that come in here. */
  readonly counter: QuicRelayCounter;
}

export class QuicRelayEnd implements QuicOwner, FlowSource {
  link!: QuicRelayLink;
  /** Octets that came in here. */
  receivedBytes = 0;
  /** Of streams that wait for the other end, and of those that it has no room for. */
  waitingBytes = 0;
  heldBytes = 0;
  readonly #owner: QuicRelayEndOwner;
  readonly #shared: QuicRelayShared;
  readonly #counter: QuicRelayCounter;
  #other: QuicRelayEnd | null = null;
  readonly #streams = new Map<number, QuicRelayStream>();
  /** The lowest IDs that the peer has not used yet. */
  #nextBidirectional: number;
  #nextUnidirectional: number;
  readonly #peerBit: number;
  /** To be opened here, as soon as the peer allows more. */
  readonly #waitingBidirectional: QuicRelayStream[] = [];
  readonly #waitingUnidirectional: QuicRelayStream[] = [];
  /** Datagrams that came before there was another end. */
  #early: Buffer[] = [];
  #allPaused = false;

  constructor({ owner, shared, server, counter }: QuicRelayEndOptions) {
    this.#owner = owner;
    this.#shared = shared;
    this.#counter = counter;
    this.#peerBit = server ? 0 : SERVER_INITIATED;
    this.#nextBidirectional = this.#peerBit;
    this.#nextUnidirectional = this.#peerBit | UNIDIRECTIONAL;
  }

  /** Streams and datagrams pass from now on; to be called on both ends, then `resumeAll` on what was paused. */
  join(other: QuicRelayEnd): void {
    const early = this.#early;
    this.#other = other;
    this.#early = [];
    for (const datagram of early) this.#passDatagram(other, datagram, 0, datagram.length);
  }

  /** The relay is over: nothing is held any more. */
  clear(): void {
    for (const stream of this.#streams.values()) stream.abandon();
    this.#streams.clear();
    this.#waitingBidirectional.length = 0;
    this.#waitingUnidirectional.length = 0;
    this.#early = [];
    this.#other = null;
  }

  // What flows hold.

  countWaiting(by: number): void {
    this.waitingBytes += by;
  }

  countHeld(by: number): void {
    this.heldBytes += by;
    const pause = this.heldBytes > HELD_PAUSE_BYTES;
    if (pause === this.#allPaused || this.#other === null) return;
    this.#allPaused = pause;
    if (pause) this.link.pauseAll();
    else this.link.resumeAll();
  }

  // Events of the connection.

  onEstablished(): void {
    this.#owner.endEstablished(this);
  }

  onStreamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    const stream = this.#heard(id);
    if (stream === undefined) return;
    this.#countReceived(end - start);
    const room = stream.flowFrom(this)?.data(bytes, start, end, fin) ?? true;
    if (!room) this.#refuseWaiting(stream);
    else if (stream.over) this.#forget(stream);
  }

  onStreamReset(id: number, code: number): void {
    const stream = this.#heard(id);
    if (stream === undefined) return;
    stream.flowFrom(this)?.reset(code);
    if (stream.over) this.#forget(stream);
  }

  onStreamStopped(id: number, code: number): void {
    const stream = this.#heard(id);
    if (stream === undefined) return;
    stream.flowTo(this)?.stopped(code);
    if (stream.over) this.#forget(stream);
  }

  onStreamWritable(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.flowTo(this)?.writable();
    if (stream.over) this.#forget(stream);
  }

  onStreamsAllowed(): void {
    this.#openWaiting(this.#waitingBidirectional);
    this.#openWaiting(this.#waitingUnidirectional);
  }

  onDatagram(bytes: Buffer, start: number, end: number): void {
    this.#countReceived(end - start);
    if (this.#other !== null) this.#passDatagram(this.#other, bytes, start, end);
    else if (this.#early.length < EARLY_DATAGRAMS) this.#early.push(Buffer.from(bytes.subarray(start, end)));
    else this.#shared.counters.add("quic_modeb_datagrams_dropped_total", 1);
  }

  onWorn(): void {
    this.#owner.endWorn(this);
  }

  onClosed(reason: QuicClose): void {
    this.#owner.endClosed(this, reason);
  }

  #countReceived(octets: number): void {
    this.receivedBytes += octets;
    this.#shared.counters.add(this.#counter, octets);
  }

  #passDatagram(other: QuicRelayEnd, bytes: Buffer, start: number, end: number): void {
    if (!other.link.sendDatagram(bytes, start, end))
      this.#shared.counters.add("quic_modeb_datagrams_dropped_total", 1);
  }

  // Streams that the peer opens here.

  /** `undefined`: it is relayed no more, or never was. */
  #heard(id: number): QuicRelayStream | undefined {
    const known = this.#streams.get(id);
    if (known !== undefined || this.#other === null || (id & SERVER_INITIATED) !== this.#peerBit)
      return known;
    const both = (id & UNIDIRECTIONAL) === 0;
    let next = both ? this.#nextBidirectional : this.#nextUnidirectional;
    if (id < next) return undefined;
    if (both) this.#nextBidirectional = id + ID_STEP;
    else this.#nextUnidirectional = id + ID_STEP;
    // With it the peer has opened those of its kind that have lower IDs (RFC 9000 section 2.1).
    for (; next <= id; next += ID_STEP) this.#accept(next, this.#other);
    return this.#streams.get(id);
  }

  #accept(id: number, other: QuicRelayEnd): void {
    const { counters, maxStreams, leaving, streams } = this.#shared;
    if (leaving || streams >= maxStreams) {
      this.#refuse(id);
      return;
    }
    const stream = new QuicRelayStream(this, id, other);
    this.#shared.streams += 1;
    counters.add("quic_modeb_streams_active", 1);
    counters.add("quic_modeb_streams_total", 1);
    this.#streams.set(id, stream);
    other.#openOrWait(stream);
  }

  #refuse(id: number): void {
    this.link.stop(id, STREAM_REFUSED);
    if ((id & UNIDIRECTIONAL) === 0) this.link.reset(id, STREAM_REFUSED);
    this.#shared.counters.add("quic_modeb_streams_refused_total", 1);
  }

  /** It waits for the other end, and there is no room for what it brings. */
  #refuseWaiting(stream: QuicRelayStream): void {
    const waiting = this.#other?.waitingOf(stream) ?? [];
    const at = waiting.indexOf(stream);
    if (at !== -1) waiting.splice(at, 1);
    stream.abandon();
    this.#forget(stream);
    this.#refuse(stream.openerId);
  }

  #forget(stream: QuicRelayStream): void {
    const opener = stream.opener === this ? this : this.#other;
    const opened = stream.opener === this ? this.#other : this;
    opener?.removeStream(stream.openerId);
    opened?.removeStream(stream.otherId);
    this.#shared.streams -= 1;
    this.#shared.counters.add("quic_modeb_streams_active", -1);
    if (this.#shared.streams === 0) this.#owner.streamsOver();
  }

  removeStream(id: number): void {
    this.#streams.delete(id);
  }

  // Streams that the other end's peer has opened, to be opened here.

  waitingOf(stream: QuicRelayStream): QuicRelayStream[] {
    return stream.bidirectional ? this.#waitingBidirectional : this.#waitingUnidirectional;
  }

  #openOrWait(stream: QuicRelayStream): void {
    const waiting = this.waitingOf(stream);
    if (waiting.length > 0 || !this.#open(stream)) waiting.push(stream);
  }

  #openWaiting(waiting: QuicRelayStream[]): void {
    let opened = 0;
    while (opened < waiting.length && this.#open(waiting[opened] as QuicRelayStream)) opened += 1;
    if (opened > 0) waiting.splice(0, opened);
  }

  #open(stream: QuicRelayStream): boolean {
    const id = stream.bidirectional ? this.link.openBidirectional() : this.link.openUnidirectional();
    if (id < 0) return false;
    this.#streams.set(id, stream);
    stream.opened(id);
    if (stream.over) this.#forget(stream);
    return true;
  }
}
