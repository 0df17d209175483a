/**
 * The memory of quiche's connections, told to V8. An ended connection is freed when its object is collected; the
 * binding has no other way, and V8 sees of it a few of its 45 KiB. So it collects far too late where
 * connections come and go: a process through which 40,000 went, 2000 there at a time, grew to 496 MB, and the
 * larger the rest of its heap is, the more it grows. Told of them, it stays at 249 MB: those that are there, and
 * about 64 MiB that wait to be collected.
 *
 * The addon tells; without it V8 does not know.
 */
import type { Connection } from "@matrixai/quic/native/types.js";

/** Of a connection at rest: TLS takes most of it. Buffers for what is under way come on top. */
const CONNECTION_BYTES = 45 * 1024;

/** Tells V8 that so much more memory, or less, hangs on its objects. */
export type AdjustMemory = (bytes: number) => void;

export class QuicheMemory {
  readonly #adjust: AdjustMemory;
  readonly #registry: FinalizationRegistry<null>;

  constructor(adjust: AdjustMemory) {
    this.#adjust = adjust;
    this.#registry = new FinalizationRegistry(() => adjust(-CONNECTION_BYTES));
  }

  /** The connection is there, until it is collected. */
  hold(connection: Connection): void {
    this.#adjust(CONNECTION_BYTES);
    this.#registry.register(connection, null);
  }
}
