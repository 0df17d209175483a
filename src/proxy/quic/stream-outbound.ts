/**
 * The sending half of a connection's streams: writes as far as the engine takes them, tells owners when
 * there is room again, and notices STOP_SENDING, of which the engine tells only who asks.
 */
import { StreamResult } from "../../fastpath/quic-engine.ts";
import type { ConnectionCore } from "./connection-core.ts";
import type { QuicOwner } from "./quic-owner.ts";
import { ID_STEP, type QuicStream, SERVER_INITIATED, UNIDIRECTIONAL } from "./stream-table.ts";

/** Streams that are asked about STOP_SENDING in one turn, at 0.3 µs each. */
const MAX_LOOKS_PER_TURN = 32;

/**
 * An end without octets is lost when quiche hears that all octets before it have arrived, and has not sent it
 * yet (https://github.com/cloudflare/quiche/issues/2525), as while congestion control lets nothing go. So it is
 * given to the engine when there is room, to go out in the same turn; but where it is the peer's windows that
 * have none, which an end needs no room of, no later than this. Most round trips are shorter.
 */
const MAX_FIN_WAIT_MS = 200;

/** A packet with an end and nothing else has no more octets. */
const FIN_ROOM_BYTES = 100;

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
    this.#retry(owner);
    if (received && !this.#core.silent) this.#tellAllowed(owner);
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
    return this.#unasked > 0 ? clock.nowMs : this.#finDueMs;
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
    if (capacity >= FIN_ROOM_BYTES) engine.prioritise(id, FIRST, false);
    return capacity < 0 || capacity >= FIN_ROOM_BYTES;
  }

  #holdFin(stream: QuicStream): number {
    stream.finPending = true;
    stream.finDueMs = this.#core.clock.nowMs + MAX_FIN_WAIT_MS;
    this.#finDueMs = Math.min(this.#finDueMs, stream.finDueMs);
    return 0;
  }

  #taken(stream: QuicStream, taken: number, wanted: number, fin: boolean): number {
    if (taken > 0) this.#core.budget.written(taken);
    if (taken < wanted) stream.blocked = true;
    else if (fin) this.#core.table.endWriting(stream);
    return taken;
  }

  /** The owner hears of it in the connection's next turn, or in this one. */
  #unwanted(stream: QuicStream, result: number): number {
    stream.stopPending = true;
    stream.stopCode = result === StreamResult.ended ? this.#core.engine.streamCode : 0;
    return UNWANTED;
  }

  /** The most urgent streams first (RFC 9218), beginning with another one each time. */
  #retry(owner: QuicOwner): void {
    const { open } = this.#core.table;
    let urgencies = 0;
    this.#finDueMs = Infinity;
    for (let i = 0; i < open.length; i++) {
      const stream = open[i] as QuicStream;
      if (stream.stopPending) this.#tellStopped(stream, owner);
      else if (stream.blocked || stream.finPending) urgencies |= 1 << stream.urgency;
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
      if (stream.finPending) this.#retryFin(stream);
      else if (stream.blocked) this.#retryBlocked(stream, owner);
      if (stream.stopPending) this.#tellStopped(stream, owner);
    }
  }

  #retryFin(stream: QuicStream): void {
    const { engine, clock } = this.#core;
    if (clock.nowMs < stream.finDueMs && !this.#hasFinRoom(stream.id)) {
      this.#finDueMs = Math.min(this.#finDueMs, stream.finDueMs);
      return;
    }
    const taken = engine.writeStream(stream.id, NOTHING, 0, 0, true);
    if (taken >= 0) this.#core.table.endWriting(stream);
    else if (taken !== StreamResult.blocked) this.#unwanted(stream, taken);
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
