/**
 * What a connection of HTTP/2 and one of HTTP/3 have in common, as the adapters of `proxy/` use them: requests
 * on streams, each with flow control of its own. `H2Connection` and `H3Connection` are codecs, `H2Stream` and
 * `H3Stream` streams, `H2Error` and `H3Error` errors. What only one version has, its own adapter uses.
 */
import type { Fault } from "../../base/fault.ts";
import type { Fields } from "../http/fields.ts";
import type { RequestHead, ResponseHead } from "../http/message.ts";
import type { BudgetKind } from "./abuse-budget.ts";

/** One request and its response. */
export interface CodecStream {
  readonly id: number;
  /** The owner's object. */
  user: object | null;
  /** An extended CONNECT (RFC 8441, RFC 9220): data carries another protocol. */
  readonly isTunnel: boolean;
  /** Body octets that have left. */
  readonly sentBytes: number;
  /** Body octets that wait for the peer's windows or for the transport. */
  readonly queuedBytes: number;
  /** Since when nothing of what waits could be sent, in the clock's milliseconds; `Infinity` while nothing waits. */
  readonly stalledSinceMs: number;
}

/** What ended a stream or a connection before its time. */
export interface CodecError {
  /** `peer`: it reset the stream, or gave it up. `local`: it broke the protocol. `closed`: the connection is gone. */
  readonly origin: "peer" | "local" | "closed";
  readonly code: number;
  /** The budget that was overdrawn; empty for every other error. */
  readonly budget: BudgetKind | "";
  /** The peer has said that it has not processed the stream: the request may be sent again. */
  readonly unprocessed: boolean;
  /** The peer had no room for the stream: REFUSED_STREAM, H3_REQUEST_REJECTED. */
  readonly refused: boolean;
  toString(): string;
}

/** What both roles do with a stream. Nothing happens on a stream that is over. */
export interface Codec {
  /** Streams that are not over. */
  readonly streamCount: number;
  /**
   * Since when the connection's window lets the peer send bodies, in the clock's milliseconds; `Infinity`
   * while it may not, because what came on other streams has not been passed on.
   */
  readonly windowOpenMs: number;
  /** Sends a part of the body. False: pause until `onStreamDrained`. */
  sendData(stream: CodecStream, bytes: Buffer, start: number, end: number): boolean;
  /** Our side of the stream is complete. */
  sendEnd(stream: CodecStream, trailers: Fields | null): void;
  /** So many octets of those that `onData` brought have been passed on: the peer may send as many again. */
  consumed(stream: CodecStream, bytes: number): void;
  /** Ends the stream at once, in both directions, with the code that the fault has in this version. */
  cancel(stream: CodecStream, fault: Fault): void;
}

export interface ServerCodec extends Codec {
  /** Writes a 1xx head, or the final one. `ended`: neither body nor trailers follow; `sendEnd` is to be called all the same. */
  sendHead(stream: CodecStream, head: ResponseHead, ended: boolean): void;
  /** The response is about to end, and no more of the request is wanted. */
  ignoreRest(stream: CodecStream): void;
}

export interface ClientCodec extends Codec {
  /** Whether `openStream` would open one. */
  readonly canOpenStream: boolean;
  /** No stream will be opened any more. */
  readonly exhausted: boolean;
  /** The peer takes extended CONNECT; false before it has said so. */
  readonly peerConnectProtocol: boolean;
  /** Opens a stream with this request; `null`: none can be opened. `ended`: neither body nor trailers follow. */
  openStream(head: RequestHead, ended: boolean, user: object): CodecStream | null;
  /** The response is whole, and nobody waits for the rest of the request: ends the stream with NO_ERROR. */
  enough(stream: CodecStream): void;
}
