/**
 * What the owner of an HTTP/3 connection implements: an adapter of `proxy/`, downstream as a server,
 * upstream as a client. It is `H2Owner` in all that the versions have in common. All calls come from
 * within a method of `H3Connection`; from within each, every method of the connection may be called.
 * Bytes, heads and trailers are the owner's during the call, unless said otherwise.
 *
 * For each stream that a head was asked for (server) or that was opened (client), `onStreamClosed` or
 * `onStreamError` is the last call, exactly once.
 */
import type { Fault } from "../../base/fault.ts";
import type { Fields } from "../http/fields.ts";
import type { RequestHead, ResponseHead } from "../http/message.ts";
import type { H3Error } from "./h3-error.ts";
import type { H3Stream } from "./h3-stream.ts";

/** What both roles have. */
export interface H3Owner {
  /**
   * A part of the body (or of the tunnel, on an extended CONNECT). More comes as far as `H3Connection.consumed`
   * tells that octets were passed on: without, `maxUnconsumedBytes` and one read at most.
   */
  onData(stream: H3Stream, bytes: Buffer, start: number, end: number): void;
  /** The peer has sent everything; `trailers` is empty when there are none. Called once, after the final head. */
  onEnd(stream: H3Stream, trailers: Fields): void;
  /** After `sendData` returned false: there is room again. */
  onStreamDrained(stream: H3Stream): void;
  /** Both sides have ended in order, and QUIC has taken all of it. */
  onStreamClosed(stream: H3Stream): void;
  /**
   * The stream ended before its time: reset or refused by the peer, for a mistake of the peer, or with the
   * connection. Not called for `reset`.
   */
  onStreamError(stream: H3Stream, error: H3Error): void;
  /** The peer's settings have come; once. See `peerConnectProtocol`. */
  onSettings(): void;
  /** The peer will take no request stream from `id` on (of a client's GOAWAY: no push). Streams at or above it have had their `onStreamError` (`unprocessed`) by then. */
  onGoAway(id: number): void;
  /** The connection cannot go on: `H3Sink.close` has been called, every stream has had its last call. */
  onConnectionError(error: H3Error): void;
}

export interface H3ServerOwner extends H3Owner {
  /** A request has come; the head to decode it into. The owner may set `stream.user`. */
  requestHead(stream: H3Stream): RequestHead;
  /**
   * The head is filled; it is the owner's until the stream is over. `ended`: the end of the stream came with
   * the head, and `onEnd` comes next. A body need not follow where it is false: the end may come later. With `request.upgrade` set by an extended CONNECT
   * (`stream.isTunnel`), `bodyLength` is 0 and what `onData` brings is the tunnel's.
   */
  onRequest(stream: H3Stream, ended: boolean): void;
  /** As `H2ServerOwner.onBadRequest`. */
  onBadRequest(stream: H3Stream, fault: Fault): void;
}

export interface H3ClientOwner extends H3Owner {
  responseHead(stream: H3Stream): ResponseHead;
  /** The head holds a 1xx response; another head will follow. */
  onInformational(stream: H3Stream): void;
  /** The head holds the final response. `ended` as of `onRequest`. */
  onResponse(stream: H3Stream, ended: boolean): void;
}
