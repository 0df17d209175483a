/**
 * QUIC's streams between two HTTP/3 connections, simulated: octets of each stream come in order and cut
 * anywhere, those of different streams in any order; writes are taken as far as there is room; resets may
 * overtake what was written. Decisions are drawn by whoever makes the pair.
 */
import type { H3Sink } from "../../src/wire/h3/h3-sink.ts";

/** What `H3Connection` is to it. */
export interface QuicUser {
  streamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void;
  streamReset(id: number, code: number): void;
  streamStopped(id: number, code: number): void;
  streamWritable(id: number): void;
  streamsAllowed(): void;
}

/** A whole number below `sides`. */
export type Roll = (sides: number) => number;

/** One direction of a stream. */
class Flow {
  /** Written and not delivered. */
  bytes: Buffer = Buffer.alloc(0);
  finWritten = false;
  /** The end, or a reset, has been delivered. */
  over = false;
  resetCode = -1;
  /** The receiver wants no more of it. */
  stopCode = -1;
  stopTold = false;
  paused = false;
  /** A write took less than all. */
  hungry = false;
}

const ROOMS: readonly number[] = [0, 1, 7, 300, 5000, 100_000];
const READS: readonly number[] = [1, 2, 50, 4000, 65_536];

export class QuicSide implements H3Sink {
  user!: QuicUser;
  closed = "";
  /** What this side writes. */
  readonly flows = new Map<number, Flow>();
  readonly #isServer: boolean;
  readonly #roll: Roll;
  readonly #limit: number;
  #other!: QuicSide;
  #opened = 0;
  #unidirectional = 0;

  constructor(isServer: boolean, roll: Roll, limit: number) {
    this.#isServer = isServer;
    this.#roll = roll;
    this.#limit = limit;
  }

  join(other: QuicSide): void {
    this.#other = other;
  }

  openUnidirectional(): number {
    const id = this.#unidirectional++ * 4 + (this.#isServer ? 3 : 2);
    this.#flow(id);
    return id;
  }

  openBidirectional(): number {
    if (this.bidirectionalLeft() <= 0) return -1;
    const id = this.#opened++ * 4;
    this.#flow(id);
    this.#other.#flow(id);
    return id;
  }

  bidirectionalLeft(): number {
    let live = 0;
    for (const [id, flow] of this.flows)
      if (id % 4 === 0 && !(flow.over && this.#other.#flow(id).over)) live++;
    return this.#limit - live;
  }

  write(id: number, bytes: Buffer, start: number, end: number, fin: boolean): number {
    const flow = this.#flow(id);
    if (flow.stopCode !== -1 || flow.resetCode !== -1) return -1;
    const room = this.#roll(3) === 0 ? (ROOMS[this.#roll(ROOMS.length)] as number) : Infinity;
    const taken = Math.min(end - start, room);
    flow.bytes = Buffer.concat([flow.bytes, bytes.subarray(start, start + taken)]);
    if (taken < end - start) flow.hungry = true;
    else if (fin) flow.finWritten = true;
    return taken;
  }

  reset(id: number, code: number): void {
    const flow = this.#flow(id);
    if (flow.over || flow.stopCode !== -1) return;
    flow.resetCode = code;
    if (this.#roll(2) === 0) flow.bytes = Buffer.alloc(0);
  }

  stop(id: number, code: number): void {
    const flow = this.#other.#flow(id);
    if (flow.over) return;
    flow.stopCode = code;
    flow.bytes = Buffer.alloc(0);
  }

  pause(id: number): void {
    this.#other.#flow(id).paused = true;
  }

  resume(id: number): void {
    this.#other.#flow(id).paused = false;
  }

  prioritise(): void {}

  wake(): void {}

  close(code: number, reason: string): void {
    this.closed = `${code} ${reason}`;
  }

  /** Delivers some of what this side has written, and tells it what there is to tell; false: there is nothing left. */
  step(): boolean {
    let busy = false;
    for (const [id, flow] of this.flows) {
      if (flow.over) continue;
      const waits = flow.bytes.length > 0 || flow.finWritten || flow.resetCode !== -1 || flow.stopCode !== -1;
      busy ||= waits || flow.hungry;
      if (this.#roll(2) === 0) this.#tell(id, flow);
      if (waits && this.#roll(2) === 0) this.#deliver(id, flow);
    }
    return busy;
  }

  #tell(id: number, flow: Flow): void {
    if (flow.stopCode !== -1) {
      flow.over = true;
      if (!flow.finWritten && flow.resetCode === -1) this.user.streamStopped(id, flow.stopCode);
    } else if (flow.hungry) {
      flow.hungry = false;
      this.user.streamWritable(id);
    }
  }

  #deliver(id: number, flow: Flow): void {
    if (flow.stopCode !== -1 || flow.over) return;
    if (flow.resetCode !== -1 && flow.bytes.length === 0) {
      flow.over = true;
      return this.#other.user.streamReset(id, flow.resetCode);
    }
    if (flow.paused) return;
    const size = Math.min(flow.bytes.length, READS[this.#roll(READS.length)] as number);
    const read = Buffer.from(flow.bytes.subarray(0, size));
    flow.bytes = flow.bytes.subarray(size);
    // The end may come with the last octets, or by itself.
    const fin = flow.finWritten && flow.bytes.length === 0 && (size === 0 || this.#roll(2) === 0);
    if (fin) flow.over = true;
    if (size > 0 || fin) this.#other.user.streamData(id, read, 0, size, fin);
    read.fill(0xee);
  }

  #flow(id: number): Flow {
    let flow = this.flows.get(id);
    if (flow === undefined) this.flows.set(id, (flow = new Flow()));
    return flow;
  }
}
