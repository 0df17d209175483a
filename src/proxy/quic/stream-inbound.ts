/**
 * The receiving half of a connection's streams: asks those that may have something, reads them into the
 * worker's arena and hands it to the owner. What is paused is not read, so that the peer's window
 * closes; but its reset is noticed. `QuicConnection` calls it once a turn.
 */
import { StreamResult } from "../../fastpath/quic-engine.ts";
import type { ConnectionCore } from "./connection-core.ts";
import type { QuicOwner } from "./quic-owner.ts";
import type { StreamOutbound } from "./stream-outbound.ts";
import { ID_STEP, type QuicStream } from "./stream-table.ts";

/** Reads of one stream in one turn, 1 MiB; others have theirs before it goes on. */
const MAX_READS_PER_TURN = 16;

/** IDs that are asked ahead of the next one: packets that open streams are lost, or overtake each other. */
const LOOK_AHEAD = 4;

/**
 * While streams are paused, the engine always has something to read, which says nothing about streams that
 * were opened far ahead of the next ID. Those are searched for once in so many turns.
 */
const TURNS_BETWEEN_SEARCHES = 8;

/**
 * Paused streams that are asked about a reset in one turn in which packets came, at 1 µs each. Those of a
 * client with the usual limit of streams all are; beyond, the next turn goes on where this one ends.
 */
const MAX_PAUSED_ASKED_PER_TURN = 128;

export class StreamInbound {
  readonly #core: ConnectionCore;
  readonly #outbound: StreamOutbound;
  readonly #found: number[] = [];
  /** Streams and their sizes, in turns. */
  readonly #ends: number[] = [];
  #turnsSinceSearch = 0;
  /** Something was left unread for the sake of others. */
  #more = false;
  /** Where the round of paused streams begins. */
  #askFrom = 0;

  constructor(core: ConnectionCore, outbound: StreamOutbound) {
    this.#core = core;
    this.#outbound = outbound;
  }

  /** Returns whether there is more to read at once. `received`: packets have come since the last turn. */
  read(owner: QuicOwner, received: boolean): boolean {
    const engine = this.#core.engine;
    this.#more = false;
    if (this.#core.table.allPaused) return false;
    if (this.#core.table.endsHeld > 0) this.#tellEnds(owner);
    if (engine.hasReadable) this.#readAll(owner, received);
    if (received && !this.#halted) this.#tellUnread(owner);
    return this.#more && !this.#halted;
  }

  #readAll(owner: QuicOwner, received: boolean): void {
    const { engine } = this.#core;
    const heldBack = this.#readKnown(owner);
    if (received && heldBack) this.#askPaused(owner);
    if (received && !this.#halted && engine.hasReadable) {
      this.#readNext(owner, this.#core.table.nextPeerBidirectional);
      this.#readNext(owner, this.#core.table.nextPeerUnidirectional);
      if (!this.#more && engine.hasReadable && this.#mayBeMissed(heldBack)) this.#search(owner);
    }
  }

  /** Ends that came with octets which had been read, of which reading does not tell. */
  #tellUnread(owner: QuicOwner): void {
    const { engine, table, arena } = this.#core;
    const ends = this.#ends;
    engine.takeEnds(ends);
    for (let i = 0; i < ends.length && !this.#halted; i += 2) {
      const stream = table.get(ends[i] as number);
      if (stream === undefined || stream.readDone || stream.endHeld || stream.octets !== ends[i + 1])
        continue;
      // What can be read tells of the end itself.
      if (engine.streamReadable(stream.id)) continue;
      engine.endTaken(stream.id);
      if (stream.paused) {
        table.holdEnd(stream);
        continue;
      }
      table.endReading(stream);
      owner.onStreamData(stream.id, arena, 0, 0, true);
    }
    ends.length = 0;
  }

  /** Nobody listens any more, or reads for now: an owner may have decided so within a call. */
  get #halted(): boolean {
    return this.#core.silent || this.#core.table.allPaused;
  }

  /** Returns whether some have something that nobody wants now. */
  #readKnown(owner: QuicOwner): boolean {
    const engine = this.#core.engine;
    const { open } = this.#core.table;
    let heldBack = false;
    for (let i = 0; i < open.length && !this.#halted; i++) {
      const stream = open[i] as QuicStream;
      if (stream.readDone || !engine.streamReadable(stream.id)) continue;
      if (stream.paused) heldBack = true;
      else this.#readStream(stream, owner);
    }
    return heldBack;
  }

  /** Ends that came to nothing but themselves, of streams that are read again. */
  #tellEnds(owner: QuicOwner): void {
    const { table, arena } = this.#core;
    const { open } = table;
    for (let i = 0; i < open.length && !this.#halted; i++) {
      const stream = open[i] as QuicStream;
      if (!stream.endHeld || stream.paused) continue;
      table.endReading(stream);
      owner.onStreamData(stream.id, arena, 0, 0, true);
    }
  }

  /** Who has paused a stream waits for somebody else; that the peer has given it up is worth knowing meanwhile. */
  #askPaused(owner: QuicOwner): void {
    const engine = this.#core.engine;
    const { open } = this.#core.table;
    let left = MAX_PAUSED_ASKED_PER_TURN;
    let i = 0;
    for (; i < open.length && left > 0 && !this.#halted; i++) {
      const stream = open[(this.#askFrom + i) % open.length] as QuicStream;
      if (!stream.paused || !engine.streamReadable(stream.id)) continue;
      left -= 1;
      this.#outbound.askBeforeReading(stream, owner);
      if (!stream.readDone) this.#readEnd(stream, owner);
    }
    this.#askFrom = (this.#askFrom + i) % open.length;
  }

  /** Nothing of a paused stream is read but a reset, or an end without octets before it. */
  #readEnd(stream: QuicStream, owner: QuicOwner): void {
    const { engine, arena, table } = this.#core;
    const length = engine.readStream(stream.id, arena, 0, 0);
    if (length === StreamResult.blocked) return;
    if (length < 0) this.#ended(stream, owner, length);
    else if (engine.streamFin) table.holdEnd(stream);
  }

  /** New streams, of one type. Each moves the next ID on. */
  #readNext(owner: QuicOwner, next: number): void {
    const engine = this.#core.engine;
    let id = next;
    for (let missed = 0; missed < LOOK_AHEAD && !this.#halted; id += ID_STEP) {
      if (!engine.streamReadable(id)) {
        if (!engine.hasReadable) return;
        missed += 1;
        continue;
      }
      missed = 0;
      this.#readStream(this.#core.table.addPeer(id), owner);
    }
  }

  #mayBeMissed(heldBack: boolean): boolean {
    if (heldBack && ++this.#turnsSinceSearch < TURNS_BETWEEN_SEARCHES) return false;
    this.#turnsSinceSearch = 0;
    return true;
  }

  #search(owner: QuicOwner): void {
    const found = this.#found;
    found.length = 0;
    const count = this.#core.engine.readableStreams(found);
    for (let i = 0; i < count && !this.#halted; i++) {
      const id = found[i] as number;
      const stream = this.#core.table.isNew(id) ? this.#core.table.addPeer(id) : this.#core.table.get(id);
      if (stream === undefined || stream.readDone) this.#discard(id);
      else if (!stream.paused) this.#readStream(stream, owner);
    }
  }

  #readStream(stream: QuicStream, owner: QuicOwner): void {
    const engine = this.#core.engine;
    const arena = this.#core.arena;
    this.#outbound.askBeforeReading(stream, owner);
    if (stream.paused || stream.readDone || this.#halted) return;
    for (let reads = 0; reads < MAX_READS_PER_TURN; reads++) {
      const length = engine.readStream(stream.id, arena, 0, arena.length);
      if (length < 0) {
        if (length !== StreamResult.blocked) this.#ended(stream, owner, length);
        return;
      }
      const fin = engine.streamFin;
      if (length === 0 && !fin) return;
      if (fin) this.#core.table.endReading(stream);
      stream.octets += length;
      this.#core.budget.delivered(length);
      owner.onStreamData(stream.id, arena, 0, length, fin);
      if (stream.paused || stream.readDone || this.#halted) return;
    }
    this.#more = true;
  }

  #ended(stream: QuicStream, owner: QuicOwner, result: number): void {
    this.#core.table.endReading(stream);
    if (result !== StreamResult.ended) return;
    this.#core.budget.cutShort();
    owner.onStreamReset(stream.id, this.#core.engine.streamCode);
  }

  /** Of a stream that nobody wants any more: the engine would go on saying that it has something. */
  #discard(id: number): void {
    const arena = this.#core.arena;
    for (let reads = 0; reads < MAX_READS_PER_TURN; reads++) {
      if (this.#core.engine.readStream(id, arena, 0, arena.length) < 0 || this.#core.engine.streamFin) return;
    }
  }
}
