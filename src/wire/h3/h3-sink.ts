/**
 * What an HTTP/3 connection needs of QUIC: streams by their ID (RFC 9000 section 2.1). `proxy/quic/`
 * implements it; a test does in a few lines, over memory.
 */
export interface H3Sink {
  /** The ID of a new stream of ours; -1: the peer allows no more for now. */
  openUnidirectional(): number;
  /** Client. */
  openBidirectional(): number;
  /** Streams that `openBidirectional` would give now. */
  bidirectionalLeft(): number;
  /**
   * Takes what flow and congestion control allow of `bytes[start, end)`; returns how many octets, -1 when
   * the peer wants no more of the stream (`H3Connection.streamStopped` will tell). `fin` counts only when
   * all were taken. After less than all, `H3Connection.streamWritable` follows.
   */
  write(id: number, bytes: Buffer, start: number, end: number, fin: boolean): number;
  /** RESET_STREAM: our side of the stream is over. */
  reset(id: number, code: number): void;
  /** STOP_SENDING: we want no more of the stream; nothing more of it will be given. */
  stop(id: number, code: number): void;
  /** What comes on the stream stays with QUIC, whose window then holds the peer back. */
  pause(id: number): void;
  resume(id: number): void;
  /** RFC 9218: urgency 0 (first) to 7. */
  prioritise(id: number, urgency: number, incremental: boolean): void;
  /** Something has been written that `H3Connection.flush` lets go: it is to be called before QUIC sends its next packets. */
  wake(): void;
  /** CONNECTION_CLOSE with a code of the application (RFC 9114 section 8). */
  close(code: number, reason: string): void;
}

/** The time as the current batch of events sees it; `Clock` of `base/` is one. */
export interface H3Clock {
  /** Monotonic milliseconds. */
  readonly nowMs: number;
}
