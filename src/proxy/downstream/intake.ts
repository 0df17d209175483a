/**
 * The bytes that a client has sent and nobody has looked at yet: request body that the upstream is
 * not ready for, or a pipelined request. While any are held the connection receives nothing, so that
 * at most one read is held; the kernel's window holds back the rest.
 */
import type { Connection, Transport } from "../../fastpath/transport.ts";

export interface IntakeOwner {
  /** Bytes can be used now; `none`: there are none, can anything be done without? */
  wantsBytes(none: boolean): boolean;
  /** Looks at `bytes[start, end)` up to one event; returns the new start, or -1 when more bytes are needed. */
  takeBytes(bytes: Buffer, start: number, end: number): number;
}

const EMPTY = Buffer.alloc(0);

export class Intake {
  readonly #transport: Transport;
  readonly #connection: Connection;
  #owner: IntakeOwner;
  #held: Buffer = EMPTY;
  #start = 0;
  #end = 0;
  #paused = false;
  /** The owner throws away what comes; nothing is held any more. */
  #discarding = false;
  /** The loop runs; what it calls may become ready for more, and the loop will see to that. */
  #running = false;

  constructor(transport: Transport, connection: Connection, owner: IntakeOwner) {
    this.#transport = transport;
    this.#connection = connection;
    this.#owner = owner;
  }

  /** Bytes are for another owner from now on; it says when it is ready for those that are held. Not from within the loop. */
  serve(owner: IntakeOwner): void {
    this.#owner = owner;
  }

  /** Bytes wait here. */
  get holding(): boolean {
    return this.#end > this.#start;
  }

  receive(bytes: Buffer, start: number, end: number): void {
    if (!this.holding) {
      this.#run(bytes, start, end);
      return;
    }
    // A read that was under way when the connection was paused.
    this.#held = Buffer.concat([this.#held.subarray(this.#start, this.#end), bytes.subarray(start, end)]);
    this.#start = 0;
    this.#end = this.#held.length;
  }

  /** The owner is ready for more. */
  proceed(): void {
    if (!this.#running) this.#run(this.#held, this.#start, this.#end);
  }

  /** Forgets what is held and receives again, for an owner that throws away what comes. */
  discard(): void {
    this.#discarding = true;
    this.#release();
    this.#resume();
  }

  #run(bytes: Buffer, start: number, end: number): void {
    this.#running = true;
    let position = start;
    while (position !== -1 && this.#owner.wantsBytes(position === end)) {
      position = this.#owner.takeBytes(bytes, position, end);
    }
    this.#running = false;
    if (this.#discarding) return;
    if (position === -1 || position === end) {
      this.#release();
      if (this.#owner.wantsBytes(false)) this.#resume();
    } else {
      this.#hold(bytes, position, end);
    }
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    if (bytes === this.#held) {
      this.#start = start;
    } else {
      this.#held = Buffer.from(bytes.subarray(start, end));
      this.#start = 0;
      this.#end = this.#held.length;
    }
    if (this.#paused) return;
    this.#paused = true;
    this.#transport.pause(this.#connection);
  }

  #release(): void {
    if (this.#held === EMPTY) return;
    this.#held = EMPTY;
    this.#start = 0;
    this.#end = 0;
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#transport.resume(this.#connection);
  }
}
