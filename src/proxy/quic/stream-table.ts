/**
 * The streams of one connection that are not over in both directions (RFC 9000 sections 2 and 3), as far as the pump
 * needs to know them: whom to ask for data, whom to tell that there is room again. A stream is forgotten
 * when it has nothing more to tell; those that are forgotten leave the list at the end of a turn.
 */

/** Bits of a stream ID (RFC 9000 section 2.1). */
export const SERVER_INITIATED = 1;
export const UNIDIRECTIONAL = 2;
/** IDs of one type are this far apart. */
export const ID_STEP = 4;

export class QuicStream {
  readonly id: number;
  /** Nothing more can come, or is wanted. */
  readDone: boolean;
  /** Nothing more can be written. */
  writeDone: boolean;
  paused = false;
  /** The peer's end was read while the stream was paused: there is nothing else, and the owner is to hear of it later. */
  endHeld = false;
  /** The owner has been told that not all was taken. */
  blocked = false;
  /** The owner has ended the stream, and the engine has not taken the end yet. */
  finPending = false;
  /** The peer has been asked for an answer since the end waits for room. */
  finAsked = false;
  /** Until when it waits, at most; `Infinity`: the peer has not been heard since it was asked. Monotonic milliseconds. */
  finDueMs = 0;
  /** The peer wants no more of it, and the owner has not heard so yet. */
  stopPending = false;
  stopCode = 0;
  /** RFC 9218; 3 is the default. */
  urgency = 3;

  constructor(id: number, readable: boolean, writable: boolean) {
    this.id = id;
    this.readDone = !readable;
    this.writeDone = !writable;
  }
}

export class StreamTable {
  /** Every stream that is not over, in no order. It grows at its end only; `sweep` alone takes streams out. */
  readonly open: QuicStream[] = [];
  /** Streams whose data may be under way. */
  receiving = 0;
  /** Those of them that nobody reads for now. */
  paused = 0;
  /** Nobody reads any stream for now, whatever is said of each. */
  allPaused = false;
  /** Streams with `endHeld`. */
  endsHeld = 0;
  /** The lowest IDs that the peer has not used yet. */
  nextPeerBidirectional: number;
  nextPeerUnidirectional: number;
  readonly #local: number;
  readonly #byId = new Map<number, QuicStream>();
  #over = 0;

  constructor(server: boolean) {
    this.#local = server ? SERVER_INITIATED : 0;
    const peer = server ? 0 : SERVER_INITIATED;
    this.nextPeerBidirectional = peer;
    this.nextPeerUnidirectional = peer | UNIDIRECTIONAL;
  }

  get(id: number): QuicStream | undefined {
    return this.#byId.get(id);
  }

  /** We have opened a stream. */
  addOwn(id: number): QuicStream {
    return this.#add(new QuicStream(id, (id & UNIDIRECTIONAL) === 0, true));
  }

  /**
   * The peer uses this stream: the next of its type, or one above. It has opened those of the type
   * that have lower IDs with it (RFC 9000 section 2.1).
   */
  addPeer(id: number): QuicStream {
    const both = (id & UNIDIRECTIONAL) === 0;
    let next = both ? this.nextPeerBidirectional : this.nextPeerUnidirectional;
    for (; next < id; next += ID_STEP) this.#add(new QuicStream(next, true, both));
    if (both) this.nextPeerBidirectional = id + ID_STEP;
    else this.nextPeerUnidirectional = id + ID_STEP;
    return this.#add(new QuicStream(id, true, both));
  }

  /** One of the peer's that is not in the table and has never been. */
  isNew(id: number): boolean {
    if ((id & SERVER_INITIATED) === this.#local) return false;
    return id >= ((id & UNIDIRECTIONAL) === 0 ? this.nextPeerBidirectional : this.nextPeerUnidirectional);
  }

  pause(stream: QuicStream): void {
    if (stream.paused || stream.readDone) return;
    stream.paused = true;
    this.paused += 1;
  }

  resume(stream: QuicStream): void {
    if (!stream.paused) return;
    stream.paused = false;
    this.paused -= 1;
  }

  holdEnd(stream: QuicStream): void {
    stream.endHeld = true;
    this.endsHeld += 1;
  }

  endReading(stream: QuicStream): void {
    if (stream.readDone) return;
    this.resume(stream);
    if (stream.endHeld) this.endsHeld -= 1;
    stream.endHeld = false;
    stream.readDone = true;
    this.receiving -= 1;
    if (stream.writeDone) this.#over += 1;
  }

  endWriting(stream: QuicStream): void {
    if (stream.writeDone) return;
    stream.writeDone = true;
    stream.blocked = false;
    stream.finPending = false;
    if (stream.readDone) this.#over += 1;
  }

  /** Takes out what is over. Not while somebody walks over `open`. */
  sweep(): void {
    if (this.#over === 0) return;
    const { open } = this;
    let kept = 0;
    for (let i = 0; i < open.length; i++) {
      const stream = open[i] as QuicStream;
      if (stream.readDone && stream.writeDone) this.#byId.delete(stream.id);
      else open[kept++] = stream;
    }
    open.length = kept;
    this.#over = 0;
  }

  /** The connection is over: there are no streams any more. Not while somebody walks over `open`. */
  clear(): void {
    this.open.length = 0;
    this.#byId.clear();
    this.receiving = 0;
    this.paused = 0;
    this.endsHeld = 0;
    this.#over = 0;
  }

  #add(stream: QuicStream): QuicStream {
    if (!stream.readDone) this.receiving += 1;
    this.open.push(stream);
    this.#byId.set(stream.id, stream);
    return stream;
  }
}
