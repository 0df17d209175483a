/**
 * Whose turn it is: connections for which something has happened, by a datagram, a timer or a call of
 * their owners. A worker has one pump for all its QUIC sockets. Each connection has its turn once a
 * batch, so that many datagrams make one round of reading and one run of packets.
 *
 * A batch of datagrams is run when it has been routed. What happens outside of one, in the callbacks of
 * other transports and timers, is run together when `defer` comes.
 */
import { assert } from "../../base/assert.ts";

/** A connection as the pump sees it. */
export interface Pumped {
  /** It waits for its turn; the pump's own. */
  queued: boolean;
  /** Reads, calls the owner, and encodes packets. It may mark this and other connections. */
  turn(): void;
}

/** A socket on which packets are staged. */
export interface Flushed {
  flush(): void;
}

/** Turns in one run. More are left for the next, so that timers and other transports have theirs. */
const MAX_TURNS_PER_RUN = 4096;

export interface QuicPumpOptions {
  /** Calls back once the events at hand have been handled: `setImmediate`. */
  defer(callback: () => void): void;
  /** A run is over; what its owners have staged in other transports is to be sent. */
  afterRun(): void;
}

export class QuicPump {
  readonly #options: QuicPumpOptions;
  readonly #run: () => void;
  readonly #sockets: Flushed[] = [];
  #queue: Pumped[] = [];
  #deferred = false;
  #batch = false;
  #running = false;

  constructor(options: QuicPumpOptions) {
    this.#options = options;
    this.#run = () => {
      this.#deferred = false;
      this.run();
    };
  }

  add(socket: Flushed): void {
    this.#sockets.push(socket);
  }

  remove(socket: Flushed): void {
    const at = this.#sockets.indexOf(socket);
    if (at !== -1) this.#sockets.splice(at, 1);
  }

  /** The connection has its turn in this run, or in the next one. */
  mark(connection: Pumped): void {
    if (connection.queued) return;
    connection.queued = true;
    this.#queue.push(connection);
    if (!this.#batch && !this.#running) this.#later();
  }

  /** Datagrams are going to be routed: `run` follows, so nothing needs to be deferred. */
  beginBatch(): void {
    this.#batch = true;
  }

  /** Every marked connection has its turn, then every socket sends. Nothing happens within a run. */
  run(): void {
    if (this.#running) return;
    this.#batch = false;
    this.#running = true;
    const queue = this.#queue;
    let turns = 0;
    while (turns < queue.length && turns < MAX_TURNS_PER_RUN) {
      const connection = queue[turns++] as Pumped;
      connection.queued = false;
      connection.turn();
    }
    this.#running = false;
    this.#dequeue(turns);
    for (let i = 0; i < this.#sockets.length; i++) (this.#sockets[i] as Flushed).flush();
    this.#options.afterRun();
  }

  #dequeue(turns: number): void {
    assert(turns <= this.#queue.length, "more turns than connections");
    if (turns === this.#queue.length) {
      this.#queue.length = 0;
      return;
    }
    this.#queue = this.#queue.slice(turns);
    this.#later();
  }

  #later(): void {
    if (this.#deferred) return;
    this.#deferred = true;
    this.#options.defer(this.#run);
  }
}
