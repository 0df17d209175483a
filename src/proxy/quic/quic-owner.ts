/**
 * A QUIC connection as the proxy sees it, and what the owner of one implements: HTTP/3 adapters of either
 * side, and the relay of raw streams. `quic-connection.ts` drives an engine and makes these calls.
 */
import type { QuicClose } from "../../fastpath/quic-engine.ts";

export interface QuicOwner {
  /** The handshake is complete (a server's: early data may come before, see `QuicLink.inEarlyData`). */
  onEstablished(): void;
  /** Bytes are valid during the call. `fin`: the peer's side of the stream ends with them; there may be none. */
  onStreamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void;
  /** RESET_STREAM: nothing more comes on the stream. */
  onStreamReset(id: number, code: number): void;
  /** STOP_SENDING: the peer wants no more of it; our side has been reset with the same code. */
  onStreamStopped(id: number, code: number): void;
  /** After `write` took less than all: there is room again. */
  onStreamWritable(id: number): void;
  /** The peer allows more streams than before, after one could not be opened. */
  onStreamsAllowed(): void;
  onDatagram(bytes: Buffer, start: number, end: number): void;
  /**
   * Once: the connection has lost much of what lets it go on, and loses more (see `QuicConnectionEngine.worn`).
   * An owner that can has the peer go on with another connection, as by GOAWAY.
   */
  onWorn?(): void;
  /** In every turn, before packets are made: what the owner holds back is to be written now. */
  beforeSend?(): void;
  /** Last call. */
  onClosed(reason: QuicClose): void;
}

/** The other direction; all of `H3Sink` is in it. */
export interface QuicLink {
  readonly established: boolean;
  readonly inEarlyData: boolean;
  readonly applicationProtocol: string;
  /** Numeric, of the peer's present path. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Lower-case, without trailing dot; empty when the client sent none. */
  readonly serverName: string;
  openUnidirectional(): number;
  openBidirectional(): number;
  bidirectionalLeft(): number;
  write(id: number, bytes: Buffer, start: number, end: number, fin: boolean): number;
  reset(id: number, code: number): void;
  stop(id: number, code: number): void;
  pause(id: number): void;
  resume(id: number): void;
  prioritise(id: number, urgency: number, incremental: boolean): void;
  /** Both directions of the stream have ended, and the peer has acknowledged all of it. Dear (about 10 µs). */
  finished(id: number): boolean;
  /** A turn comes soon: there is something to write in `QuicOwner.beforeSend`. */
  wake(): void;
  /** False: dropped, the queue is full or the peer takes none of this size. */
  sendDatagram(bytes: Buffer, start: number, end: number): boolean;
  /** CONNECTION_CLOSE with a code of the application; `onClosed` follows. */
  close(code: number, reason: string): void;
  /** Without a word; `onClosed` follows. */
  abandon(): void;
  /** What was written outside of the owner's calls goes out now. */
  flush(): void;
}
