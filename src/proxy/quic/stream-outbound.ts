/**
 * The sending half of a connection's streams: writes as far as the engine takes them, tells owners when
 * there is room again, and notices STOP_SENDING, of which the engine tells only who asks.
 */
import { StreamResult } from "../../fastpath/quic-engine.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { EndEcho } from "./end-echo.ts";
import { EndRoom } from "./end-room.ts";
import type { QuicOwner } from "./quic-owner.ts";
import { ID_STEP, type QuicStream, SERVER_INITIATED, UNIDIRECTIONAL } from "./stream-table.ts";

/** Streams that are asked about STOP_SENDING in one turn, at 0.3 µs each. */
const MAX_LOOKS_PER_TURN = 32;

/**
 * An end without octets is lost when quiche hears that all octets before it have arrived, and has not sent it
 * yet (https://github.com/cloudflare/quiche/issues/2525), as while congestion control lets nothing go. So it is
 * given to the engine when there is room, to go out in the same turn. Where it is the peer's windows that have none,
 * which an end needs no room of, it is given so long after the peer has been heard: what it acknowledges makes room in
 * congestion control, however long that takes.
 */
const MAX_FIN_WAIT_MS = 200;

/** Before whatever else is to be sent (RFC 9218). */
const FIRST = 0;

const NOTHING = Buffer.alloc(0);

/** What `write` returns when the peer wants no more. */
const UNWANTED = -1;

export class StreamOutbound {
  readonly #core: ConnectionCore;
  #nextBidirectional: number;
  #nextUnidirectional: number;
  /** A stream could not be opened, and the owner has not heard since that it can. */
  #bidirectionalWanted = false;
  #unidirectionalWanted = false;
  /** Where the next round begins, so that no stream is always the first to take what room there is. */
  #turn = 0;
  /** Streams that are still to be asked about STOP_SENDING since packets came; where that goes on. */
  #unasked = 0;
  #asked = 0;
  /** The earliest `finDueMs`. */
  #finDueMs = Infinity;
  readonly #room = new EndRoom();
  readonly #echo = new EndEcho();

  constructor(core: ConnectionCore, server: boolean) {
    this.#core = core;
    this.#nextBidirectional = server ? SERVER_INITIATED : 0;
    this.#nextUnidirectional = this.#nextBidirectional | UNIDIRECTIONAL;
  }

  openBidirectional(): number {
    const id = this.#nextBidirectional;
    if (this.#core.engine.bidirectionalStreamsLeft() <= 0 || !this.#open(id)) {
      this.#bidirectionalWanted = true;
      return -1;
    }
    this.#nextBidirectional = id + ID_STEP;
    return id;
  }

  openUnidirectional(): number {
    const id = this.#nextUnidirectional;
    if (this.#core.engine.unidirectionalStreamsLeft() <= 0 || !this.#open(id)) {
      this.#unidirectionalWanted = true;
      return -1;
    }
    this.#nextUnidirectional = id + ID_STEP;
    return id;
  }

  /** As `QuicLink.write`. */
  write(id: number, bytes: Buffer, start: number, end: number, fin: boolean): number {
    const stream = this.#core.table.get(id);
    if (stream === undefined || stream.writeDone || stream.stopPending) return UNWANTED;
    if (fin && start === end && !this.#hasFinRoom(id)) return this.#holdFin(stream);
    const taken = this.#core.engine.writeStream(id, bytes, start, end, fin);
    if (taken >= 0) return this.#taken(stream, taken, end - start, fin);
    if (taken !== StreamResult.blocked) return this.#unwanted(stream, taken);
    if (start < end) stream.blocked = true;
    else stream.finPending = fin;
    return 0;
  }

  reset(id: number, code: number): void {
    const stream = this.#core.table.get(id);
    if (stream === undefined || stream.writeDone) return;
    stream.stopPending = false;
    this.#core.table.endWriting(stream);
    this.#core.engine.resetStream(id, code);
  }

  prioritise(id: number, urgency: number, incremental: boolean): void {
    const stream = this.#core.table.get(id);
    if (stream === undefined || stream.writeDone) return;
    stream.urgency = urgency;
    this.#core.engine.prioritise(id, urgency, incremental);
  }

  /** As `QuicLink.finished`. */
  finished(id: number): boolean {
    const capacity = this.#core.engine.streamCapacity(id);
    // The engine forgets a stream then, and not before; of one that is not wanted nothing is to be waited for.
    return capacity === StreamResult.unknown || capacity === StreamResult.ended;
  }

  /** Once a turn. `received`: packets have come since the last one. */
  advance(owner: QuicOwner, received: boolean): void {
    if (received) this.#unasked = this.#core.table.open.length;
    this.#askAboutStops(owner);
    this.#retry(owner, received);
    this.#echo.repeat(this.#core.engine, this.#core.clock.nowMs);
    if (received && !this.#core.silent) this.#tellAllowed(owner);
  }

  /** Before the engine is given a datagram. */
  received(): void {
    this.#room.received();
  }

  /** The engine has sent what it could. */
  sent(octets: number): void {
    this.#room.sent(octets);
  }

  /** Before a stream is read: once its reset was, the engine may have forgotten why it was stopped. */
  askBeforeReading(stream: QuicStream, owner: QuicOwner): void {
    if (stream.writeDone) return;
    if (!stream.stopPending && !this.#isStopped(stream)) return;
    this.#tellStopped(stream, owner);
  }

  /** When another turn is wanted, even if nothing happens: streams have not been asked, or an end waits. */
  get wantedMs(): number {
    const { clock, silent } = this.#core;
    if (silent) return Infinity;
    return this.#unasked > 0 ? clock.nowMs : Math.min(this.#finDueMs, this.#echo.dueMs);
  }

  #open(id: number): boolean {
    const result = this.#core.engine.writeStream(id, NOTHING, 0, 0, false);
    if (result < 0 && result !== StreamResult.blocked) return false;
    this.#core.table.addOwn(id);
    return true;
  }

  /** An end goes before what others have written, which may fill all the room that there is. */
  #hasFinRoom(id: number): boolean {
    const { engine } = this.#core;
    const capacity = engine.streamCapacity(id);
    if (capacity < 0) return true;
    if (!this.#room.take(capacity)) return false;
    engine.prioritise(id, FIRST, false);
    return true;
  }

  #holdFin(stream: QuicStream): number {
    stream.finPending = true;
    stream.finAsked = false;
    stream.finDueMs = Infinity;
    return 0;
  }

  #taken(stream: QuicStream, taken: number, wanted: number, fin: boolean): number {
    if (taken > 0) {
      this.#core.budget.written(taken);
      this.#room.written(taken);
    }
    if (taken < wanted) stream.blocked = true;
    else if (fin) this.#ended(stream, taken);
    return taken;
  }

  /** The engine has the end, and `taken` octets with it. */
  #ended(stream: QuicStream, taken: number): void {
    this.#core.table.endWriting(stream);
    if (taken === 0) this.#echo.said(stream.id, this.#core.clock.nowMs);
  }

  /** The owner hears of it in the connection's next turn, or in this one. */
  #unwanted(stream: QuicStream, result: number): number {
    stream.stopPending = true;
    stream.stopCode = result === StreamResult.ended ? this.#core.engine.streamCode : 0;
    return UNWANTED;
  }

  /** Ends, then the most urgent streams first (RFC 9218), beginning with another one each time. */
  #retry(owner: QuicOwner, received: boolean): void {
    const { open } = this.#core.table;
    let urgencies = 0;
    this.#finDueMs = Infinity;
    for (let i = 0; i < open.length && !this.#core.silent; i++) {
      const stream = open[i] as QuicStream;
      if (stream.finPending && !stream.stopPending) this.#retryFin(stream, received);
      if (stream.stopPending) this.#tellStopped(stream, owner);
      else if (stream.blocked) urgencies |= 1 << stream.urgency;
    }
    if (urgencies === 0) return;
    this.#turn = (this.#turn + 1) % open.length;
    for (let urgency = 0; urgencies >> urgency !== 0; urgency++) {
      if ((urgencies & (1 << urgency)) !== 0) this.#retryOf(urgency, owner);
    }
  }

  #retryOf(urgency: number, owner: QuicOwner): void {
    const { open } = this.#core.table;
    const count = open.length;
    for (let i = 0; i < count && !this.#core.silent; i++) {
      const stream = open[(this.#turn + i) % count] as QuicStream;
      if (stream.urgency !== urgency) continue;
      if (stream.blocked) this.#retryBlocked(stream, owner);
      if (stream.stopPending) this.#tellStopped(stream, owner);
    }
  }

  #retryFin(stream: QuicStream, received: boolean): void {
    const { engine, clock } = this.#core;
    if (!this.#hasFinRoom(stream.id)) {
      this.#awaitPeer(stream, received);
      if (clock.nowMs < stream.finDueMs) return;
      engine.prioritise(stream.id, FIRST, false);
    }
    const taken = engine.writeStream(stream.id, NOTHING, 0, 0, true);
    if (taken >= 0) this.#ended(stream, 0);
    else if (taken !== StreamResult.blocked) this.#unwanted(stream, taken);
  }

  /** If all that was sent has been acknowledged, the peer says nothing unless it is asked. */
  #awaitPeer(stream: QuicStream, received: boolean): void {
    const { engine, clock } = this.#core;
    if (!stream.finAsked) {
      stream.finAsked = true;
      engine.ping();
    } else if (received && stream.finDueMs === Infinity) {
      stream.finDueMs = clock.nowMs + MAX_FIN_WAIT_MS;
    }
    this.#finDueMs = Math.min(this.#finDueMs, stream.finDueMs);
  }

  #retryBlocked(stream: QuicStream, owner: QuicOwner): void {
    const capacity = this.#core.engine.streamCapacity(stream.id);
    if (capacity === 0) return;
    if (capacity < 0) {
      this.#unwanted(stream, capacity);
      return;
    }
    stream.blocked = false;
    owner.onStreamWritable(stream.id);
  }

  #askAboutStops(owner: QuicOwner): void {
    const { open } = this.#core.table;
    const looks = Math.min(this.#unasked, MAX_LOOKS_PER_TURN);
    for (let i = 0; i < looks && !this.#core.silent; i++) {
      if (this.#asked >= open.length) this.#asked = 0;
      const stream = open[this.#asked++];
      if (stream !== undefined && !stream.writeDone && this.#isStopped(stream))
        this.#tellStopped(stream, owner);
    }
    this.#unasked -= looks;
  }

  #isStopped(stream: QuicStream): boolean {
    const capacity = this.#core.engine.streamCapacity(stream.id);
    // One that the engine has forgotten was stopped, even when it does not know the code any more.
    const forgotten = capacity === StreamResult.unknown && stream.readDone;
    if (capacity !== StreamResult.ended && !forgotten) return false;
    this.#unwanted(stream, capacity);
    return true;
  }

  #tellStopped(stream: QuicStream, owner: QuicOwner): void {
    const { id, stopCode } = stream;
    stream.stopPending = false;
    if (stream.writeDone) return;
    this.#core.table.endWriting(stream);
    this.#core.engine.resetStream(id, stopCode);
    owner.onStreamStopped(id, stopCode);
  }

  #tellAllowed(owner: QuicOwner): void {
    const engine = this.#core.engine;
    const more =
      (this.#bidirectionalWanted && engine.bidirectionalStreamsLeft() > 0) ||
      (this.#unidirectionalWanted && engine.unidirectionalStreamsLeft() > 0);
    if (!more) return;
    this.#bidirectionalWanted = false;
    this.#unidirectionalWanted = false;
    owner.onStreamsAllowed();
  }
}
