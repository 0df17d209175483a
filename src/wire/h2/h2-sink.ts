/**
 * Where an HTTP/2 connection writes its frames: what a transport gives for one connection, in the same
 * terms. An adapter implements it in a few lines around its transport and its connection.
 */
export interface H2Sink {
  /** The arena to encode into. It may be another after `reserve`. */
  readonly out: Buffer;
  /** Makes room for `size` bytes in `out`; returns their offset. At most `MAX_RESERVE_BYTES`. */
  reserve(size: number): number;
  /** Queues `out[start, end)`, which must come from the last `reserve`. */
  send(start: number, end: number): void;
  /** More is queued than the connection's high-water mark; `H2Connection.onSinkDrained` is to be called when it has gone out. */
  blocked(): boolean;
  /** Sends what is queued now, so that `blocked` and `queuedBytes` are exact. Called after each 64 KiB at most. */
  flush(): void;
  /** Bytes queued and not yet taken by the kernel; may lag one batch, as `blocked` may. */
  queuedBytes(): number;
}

/** The time as the current batch of events sees it; `Clock` of `base/` is one. */
export interface H2Clock {
  /** Monotonic milliseconds. */
  readonly nowMs: number;
}
