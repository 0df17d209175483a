/**
 * A unidirectional stream of ours: control, QPACK encoder or decoder (RFC 9114 section 6.2). What QUIC does
 * not take waits here, which is a few octets: nothing that a peer does makes us write on the control stream,
 * and the QPACK queues bound themselves.
 */
import { InstructionQueue } from "./qpack/instruction-queue.ts";
import type { H3Sink } from "./h3-sink.ts";

export class OwnStream {
  /** -1: QUIC has not given one yet. */
  id = -1;
  readonly #sink: H3Sink;
  readonly #type: number;
  readonly #queue: InstructionQueue;
  #typeSent = false;

  /** `queue`: what is to be sent behind the type, filled by somebody else. */
  constructor(sink: H3Sink, type: number, queue: InstructionQueue = new InstructionQueue()) {
    this.#sink = sink;
    this.#type = type;
    this.#queue = queue;
  }

  /** Queues octets. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const queue = this.#queue;
    queue.reserve(end - start);
    queue.bytes.set(bytes.subarray(start, end), queue.length);
    queue.length += end - start;
  }

  /** Opens the stream if it is not, and sends what QUIC takes. */
  flush(): void {
    if (this.id === -1) this.id = this.#sink.openUnidirectional();
    if (this.id === -1) return;
    if (!this.#typeSent) this.#sendType();
    const queue = this.#queue;
    if (!this.#typeSent || queue.length === 0) return;
    const taken = this.#sink.write(this.id, queue.bytes, 0, queue.length, false);
    if (taken > 0) queue.consume(taken);
  }

  /** With what waits, if anything does: each write is a call of QUIC's. */
  #sendType(): void {
    const queue = this.#queue;
    const first = Buffer.allocUnsafe(1 + queue.length);
    first[0] = this.#type;
    first.set(queue.bytes.subarray(0, queue.length), 1);
    const taken = this.#sink.write(this.id, first, 0, first.length, false);
    if (taken <= 0) return;
    this.#typeSent = true;
    queue.consume(taken - 1);
  }
}
