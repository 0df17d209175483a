/**
 * What the owner of an HTTP/2 connection implements: an adapter of `proxy/`, downstream as a server,
 * upstream as a client. All calls come from within `H2Connection.receive`, `onSinkDrained` or `close`,
 * or from the call that caused them; from within each, every method of the connection may be called.
 * Bytes, heads and trailers are the owner's during the call, unless said otherwise.
 *
 * For each stream that a head was asked for (server) or that was opened (client), `onStreamClosed` or
 * `onStreamError` is the last call, exactly once.
 */
import type { Fault } from "../../base/fault.ts";
import type { Fields } from "../http/fields.ts";
import type { RequestHead, ResponseHead } from "../http/message.ts";
import type { H2Error } from "./h2-error.ts";
import type { H2Stream } from "./h2-stream.ts";

/** What both roles have. */
export interface H2Owner {
  /**
   * A part of the body (or of the tunnel, on an extended CONNECT). The peer's windows open again as far
   * as `H2Connection.consumed` tells that bytes were passed on.
   */
  onData(stream: H2Stream, bytes: Buffer, start: number, end: number): void;
  /** The peer has sent everything; `trailers` is empty when there are none. Called once, after the final head. */
  onEnd(stream: H2Stream, trailers: Fields): void;
  /** After `sendData` returned false: there is room again. */
  onStreamDrained(stream: H2Stream): void;
  /** Both sides have ended in order, and all of it was handed to the sink. */
  onStreamClosed(stream: H2Stream): void;
  /**
   * The stream ended before its time: reset by the peer, for a mistake of the peer, or with the connection.
   * Not called for `reset`. A server may reset with NO_ERROR behind a whole response, to which `onEnd` has
   * been called then: it wants no more of the request, and the response stands (RFC 9113 section 8.1).
   */
  onStreamError(stream: H2Stream, error: H2Error): void;
  /** The peer's settings have come, or have changed: see `peerMaxConcurrentStreams` and `peerConnectProtocol`. */
  onSettings(): void;
  /**
   * The peer will take no stream above `lastId` of those that we open. Those that exist above it have had
   * their `onStreamError` (`unprocessed`) by then. Others go on.
   */
  onGoAway(code: number, lastId: number, text: string): void;
  /** The answer to `ping`. */
  onPong(roundTripMs: number): void;
  /**
   * The connection cannot go on; GOAWAY is in the sink, every stream has had its last call. The owner
   * sends what is queued and closes; nothing that still comes is to be given to `receive`.
   */
  onConnectionError(error: H2Error): void;
}

export interface H2ServerOwner extends H2Owner {
  /** A request has come; the head to decode it into. The owner may set `stream.user`. */
  requestHead(stream: H2Stream): RequestHead;
  /**
   * The head is filled; it is the owner's until the stream is over. `ended`: no body follows, and
   * `onEnd` comes next. With `request.upgrade` set by an extended CONNECT (`stream.isTunnel`), `bodyLength`
   * is 0 and what `onData` brings is the tunnel's.
   */
  onRequest(stream: H2Stream, ended: boolean): void;
  /**
   * The request has a valid frame, but is one that we refuse: over a limit (`headers_too_large`), or with
   * something that gets a status of its own. The head holds what could be read. The owner answers with
   * `sendHead` and so on, or resets; what follows of the request is thrown away unseen, `onEnd` is not called.
   */
  onBadRequest(stream: H2Stream, fault: Fault): void;
}

export interface H2ClientOwner extends H2Owner {
  /** A response has come, informational or final; the head to decode it into. */
  responseHead(stream: H2Stream): ResponseHead;
  /** The head holds a 1xx response; another head will follow. */
  onInformational(stream: H2Stream): void;
  /** The head holds the final response. `ended`: no body follows, and `onEnd` comes next. */
  onResponse(stream: H2Stream, ended: boolean): void;
}
