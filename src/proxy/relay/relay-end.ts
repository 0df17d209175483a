/**
 * One end of a relay: what it receives goes to the other end. A receiver that is full pauses it, FIN is
 * passed on as FIN, and each direction ends by itself.
 */
import type { Connection, ConnectionOwner } from "../../fastpath/transport.ts";
import type { WorkerContext } from "../worker-context.ts";

export interface RelayEndOwner {
  /** Bytes have passed, or a direction has ended. */
  passed(): void;
  /** This end is closed; `error` as for `ConnectionOwner.onClose`. */
  endClosed(end: RelayEnd, error: string): void;
}

export class RelayEnd implements ConnectionOwner {
  readonly connection: Connection;
  /** Bytes that came in here. */
  receivedBytes = 0;
  /** The peer has sent FIN. */
  ended = false;
  closed = false;
  readonly #context: WorkerContext;
  readonly #owner: RelayEndOwner;
  /** The counter of what comes in here. */
  readonly #slot: number;
  #other: RelayEnd | null = null;
  #paused = false;
  /** What came before there was another end, although we had paused: a read that was under way then. */
  #early: Buffer[] = [];

  constructor(context: WorkerContext, connection: Connection, owner: RelayEndOwner, slot: number) {
    this.#context = context;
    this.connection = connection;
    this.#owner = owner;
    this.#slot = slot;
  }

  /** Bytes pass from now on; to be called on both ends. */
  join(other: RelayEnd): void {
    const early = this.#early;
    this.#other = other;
    this.#early = [];
    this.resume();
    for (const bytes of early) this.onData(bytes, 0, bytes.length);
    if (this.ended) this.#context.transport.end(other.connection);
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#context.transport.pause(this.connection);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#context.transport.resume(this.connection);
  }

  onConnect(): void {}

  onData(bytes: Buffer, start: number, end: number): void {
    const other = this.#other;
    if (other === null) {
      this.#early.push(Buffer.from(bytes.subarray(start, end)));
      return;
    }
    const { counters, transport } = this.#context;
    this.receivedBytes += end - start;
    (counters[this.#slot] as number) += end - start;
    this.#owner.passed();
    transport.sendFrom(other.connection, bytes, start, end);
    if (transport.blocked(other.connection)) this.pause();
  }

  onEnd(): void {
    this.ended = true;
    this.#owner.passed();
    if (this.#other !== null) this.#context.transport.end(this.#other.connection);
  }

  /** What was queued here has gone out: the other end may send more. */
  onDrain(): void {
    this.#owner.passed();
    this.#other?.resume();
  }

  onClose(error: string): void {
    this.closed = true;
    this.#owner.endClosed(this, error);
  }
}
