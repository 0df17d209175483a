/**
 * One direction of one relayed stream: what is read of the source stream is written to the target stream. What
 * the target does not take at once is held, and the source is paused until it is gone, unless it is little.
 *
 *   waiting --target opened--> open --(FIN written, RESET_STREAM, STOP_SENDING)--> over
 *
 * Of a bidirectional stream that waits, the way back waits for its source instead. `quic-relay-end.ts` calls.
 */
import { QuicRelayHeld } from "./quic-relay-held.ts";
import type { QuicRelayLink } from "./quic-relay-link.ts";
import { HELD_STREAM_PAUSE_BYTES, WAITING_BYTES } from "./quic-relay-limits.ts";

/** One end, as the flows that come from it see it: what it holds of them is bounded. */
export interface FlowSource {
  readonly link: QuicRelayLink;
  /** Octets held for streams that cannot be opened yet. */
  readonly waitingBytes: number;
  countWaiting(by: number): void;
  /** Octets held for open streams. */
  countHeld(by: number): void;
}

/** Neither opened nor heard of. */
const NO_STREAM = -1;
const NO_CODE = -1;

export class QuicRelayFlow {
  over = false;
  readonly #source: FlowSource;
  readonly #target: FlowSource;
  #sourceId: number;
  #targetId: number;
  readonly #held = new QuicRelayHeld();
  /** FIN has come, and is to follow what is held. */
  #ended = false;
  /** What came while the flow waited, and is to be told when it opens. */
  #resetCode = NO_CODE;
  #stopCode = NO_CODE;

  private constructor(source: FlowSource, target: FlowSource, sourceId: number, targetId: number) {
    this.#source = source;
    this.#target = target;
    this.#sourceId = sourceId;
    this.#targetId = targetId;
  }

  /** From whoever has opened the stream: the target is not open yet. */
  static forth(source: FlowSource, sourceId: number, target: FlowSource): QuicRelayFlow {
    return new QuicRelayFlow(source, target, sourceId, NO_STREAM);
  }

  static back(source: FlowSource, target: FlowSource, targetId: number): QuicRelayFlow {
    return new QuicRelayFlow(source, target, NO_STREAM, targetId);
  }

  /** False: it waits for the target, and there is no room for more; the stream is to be refused. */
  data(bytes: Buffer, start: number, end: number, fin: boolean): boolean {
    if (this.over) return true;
    this.#ended = fin;
    if (this.#targetId === NO_STREAM) return this.#wait(bytes, start, end);
    if (this.#held.length > 0) this.#hold(bytes, start, end);
    else this.#send(bytes, start, end);
    return true;
  }

  /** RESET_STREAM of the source: what is held is obsolete. */
  reset(code: number): void {
    if (this.over) return;
    this.#drop();
    this.#resetCode = code;
    if (this.#targetId !== NO_STREAM) this.#tellReset();
  }

  /** STOP_SENDING of the target, which has been reset by it. */
  stopped(code: number): void {
    if (this.over) return;
    this.#drop();
    this.#stopCode = code;
    if (this.#sourceId !== NO_STREAM) this.#tellStop();
  }

  /** The target has room again. */
  writable(): void {
    const held = this.#held;
    if (this.over || held.length === 0) return;
    const taken = this.#target.link.write(this.#targetId, held.bytes, held.start, held.end, this.#ended);
    // The target wants no more, which `stopped` will tell.
    if (taken < 0) this.#drop();
    else held.start += taken;
    if (held.length > 0) return;
    this.#drop();
    if (this.#ended && taken >= 0) this.over = true;
    else this.#source.link.resume(this.#sourceId);
  }

  targetOpened(id: number): void {
    const held = this.#held;
    this.#source.countWaiting(-held.size);
    this.#targetId = id;
    this.#source.countHeld(held.size);
    if (this.#resetCode !== NO_CODE) this.#tellReset();
    else if (held.length === 0) this.#sendEnd();
    else this.writable();
    if (held.length >= HELD_STREAM_PAUSE_BYTES) this.#source.link.pause(this.#sourceId);
  }

  sourceOpened(id: number): void {
    this.#sourceId = id;
    if (this.#stopCode !== NO_CODE) this.#tellStop();
  }

  /** The stream is relayed no more. */
  abandon(): void {
    this.#drop();
    this.over = true;
  }

  #send(bytes: Buffer, start: number, end: number): void {
    const taken = this.#target.link.write(this.#targetId, bytes, start, end, this.#ended);
    if (taken < 0) return;
    if (taken < end - start) this.#hold(bytes, start + taken, end);
    else if (this.#ended) this.over = true;
  }

  #sendEnd(): void {
    if (this.#ended) this.#send(this.#held.bytes, 0, 0);
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const held = this.#held;
    const before = held.size;
    held.add(bytes, start, end);
    this.#source.countHeld(held.size - before);
    if (held.length >= HELD_STREAM_PAUSE_BYTES) this.#source.link.pause(this.#sourceId);
  }

  #wait(bytes: Buffer, start: number, end: number): boolean {
    const source = this.#source;
    if (start === end) return true;
    if (source.waitingBytes > WAITING_BYTES) return false;
    const held = this.#held;
    const before = held.size;
    held.add(bytes, start, end);
    source.countWaiting(held.size - before);
    if (source.waitingBytes > WAITING_BYTES) source.link.pause(this.#sourceId);
    return true;
  }

  #tellReset(): void {
    this.#target.link.reset(this.#targetId, this.#resetCode);
    this.over = true;
  }

  #tellStop(): void {
    this.#source.link.stop(this.#sourceId, this.#stopCode);
    this.over = true;
  }

  #drop(): void {
    const { size } = this.#held;
    if (size === 0) return;
    this.#held.clear();
    if (this.#targetId === NO_STREAM) this.#source.countWaiting(-size);
    else this.#source.countHeld(-size);
  }
}
