/**
 * The requests on one connection of a client that carries many, over HTTP/2 or HTTP/3: gives each its stream
 * object, and passes on what the codec tells of it. The connection (`downstream-h2.ts`, `downstream-h3.ts`)
 * hears what concerns it as a whole.
 */
import type { Fault } from "../../base/fault.ts";
import type { H2ServerOwner } from "../../wire/h2/h2-owner.ts";
import type { H3ServerOwner } from "../../wire/h3/h3-owner.ts";
import type { Fields } from "../../wire/http/fields.ts";
import type { RequestHead } from "../../wire/http/message.ts";
import type { CodecError, CodecStream, ServerCodec } from "../../wire/multiplexed/codec.ts";
import type { Peer } from "../exchange/peer.ts";
import type { ServingListener } from "../listener/serving-listener.ts";
import type { Tunnel } from "../tunnel/tunnel.ts";
import type { DownstreamStream, StreamHost } from "./downstream-stream.ts";

export interface RequestsOwner {
  /** A stream has been opened. */
  streamOpened(): void;
  /** A request has come, and was passed on or refused; so many have now. */
  served(count: number): void;
  tunnelOpened(tunnel: Tunnel): void;
  /** The last stream that there was is over. */
  idle(): void;
  /** HTTP/2: the client has answered a PING. */
  pong?(): void;
  failed(error: CodecError): void;
}

export interface RequestsOptions {
  readonly listener: ServingListener;
  readonly peer: Peer;
  readonly owner: RequestsOwner;
  /** The slot of the gauge that counts open streams. */
  readonly gauge: number;
}

export class Requests implements H2ServerOwner, H3ServerOwner, StreamHost {
  /** What the requests come from; set before it starts. */
  codec!: ServerCodec;
  readonly listener: ServingListener;
  readonly peer: Peer;
  /** Requests come in early data, which somebody may have recorded and sent again (RFC 8470). */
  early = false;
  /** Those that are not over. */
  readonly streams = new Set<DownstreamStream>();
  readonly #counters: Float64Array;
  readonly #owner: RequestsOwner;
  readonly #gauge: number;
  #served = 0;

  constructor(counters: Float64Array, { listener, peer, owner, gauge }: RequestsOptions) {
    this.#counters = counters;
    this.listener = listener;
    this.peer = peer;
    this.#owner = owner;
    this.#gauge = gauge;
  }

  requestHead(stream: CodecStream): RequestHead {
    const taken = this.listener.streams.take();
    stream.user = taken;
    this.streams.add(taken);
    this.#countStreams(1);
    taken.take(this, stream);
    this.#owner.streamOpened();
    return taken.exchange.request;
  }

  onRequest(stream: CodecStream, ended: boolean): void {
    streamOf(stream)?.onRequest(ended);
    this.#owner.served(++this.#served);
  }

  onBadRequest(stream: CodecStream, fault: Fault): void {
    streamOf(stream)?.onBadRequest(fault);
    this.#owner.served(++this.#served);
  }

  onData(stream: CodecStream, bytes: Buffer, start: number, end: number): void {
    streamOf(stream)?.onData(bytes, start, end);
  }

  onEnd(stream: CodecStream, trailers: Fields): void {
    streamOf(stream)?.onEnd(trailers);
  }

  onStreamDrained(stream: CodecStream): void {
    streamOf(stream)?.onDrained();
  }

  onStreamClosed(stream: CodecStream): void {
    streamOf(stream)?.onClosed();
  }

  onStreamError(stream: CodecStream, error: CodecError): void {
    streamOf(stream)?.onError(error);
  }

  /** Nothing of ours depends on what a client sets; the codec keeps to it. */
  onSettings(): void {}

  /** A client that is about to leave tells so. We open no streams, so it means none of ours. */
  onGoAway(): void {}

  onPong(): void {
    this.#owner.pong?.();
  }

  onConnectionError(error: CodecError): void {
    this.#owner.failed(error);
  }

  tunnelOpened(tunnel: Tunnel): void {
    this.#owner.tunnelOpened(tunnel);
  }

  released(stream: DownstreamStream): void {
    this.streams.delete(stream);
    this.#countStreams(-1);
    this.listener.streams.give(stream);
    if (this.streams.size === 0) this.#owner.idle();
  }

  #countStreams(by: 1 | -1): void {
    (this.#counters[this.#gauge] as number) += by;
  }
}

/** `null` once we have let go of it. */
function streamOf(stream: CodecStream): DownstreamStream | null {
  return stream.user as DownstreamStream | null;
}
