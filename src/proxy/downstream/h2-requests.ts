/**
 * The requests on one HTTP/2 connection of a client: gives each its stream object, and passes on what the
 * codec tells of it. The connection (`downstream-h2.ts`) hears what concerns it as a whole.
 */
import type { Fault } from "../../base/fault.ts";
import type { Connection } from "../../fastpath/transport.ts";
import { H2Connection } from "../../wire/h2/h2-connection.ts";
import type { H2Error } from "../../wire/h2/h2-error.ts";
import type { H2ServerOwner } from "../../wire/h2/h2-owner.ts";
import type { H2Stream } from "../../wire/h2/h2-stream.ts";
import type { Fields } from "../../wire/http/fields.ts";
import type { RequestHead } from "../../wire/http/message.ts";
import { ConnectionSink } from "../connection-sink.ts";
import { type Peer, peerOf } from "../exchange/peer.ts";
import type { ListenerSocket } from "../listener/listener-socket.ts";
import { GLOBAL_SLOTS } from "../plan.ts";
import type { Tunnel } from "../tunnel/tunnel.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { DownstreamH2Stream, StreamHost } from "./downstream-h2-stream.ts";
import { h2LimitsOf } from "./h2-limits-of.ts";

export interface RequestsOwner {
  /** A stream has been opened. */
  streamOpened(): void;
  /** A request has come, and was passed on or refused; so many have now. */
  served(count: number): void;
  tunnelOpened(tunnel: Tunnel): void;
  /** The last stream that there was is over. */
  idle(): void;
  pong(): void;
  failed(error: H2Error): void;
}

export class H2Requests implements H2ServerOwner, StreamHost {
  readonly codec: H2Connection;
  readonly listener: ListenerSocket;
  readonly peer: Peer;
  /** Those that are not over. */
  readonly streams = new Set<DownstreamH2Stream>();
  readonly #counters: Float64Array;
  readonly #owner: RequestsOwner;
  #served = 0;

  constructor(
    context: WorkerContext,
    connection: Connection,
    listener: ListenerSocket,
    owner: RequestsOwner,
  ) {
    const { current } = listener;
    this.listener = listener;
    this.peer = peerOf(connection.remoteAddress, connection.tls, current.runtime.plan.tls);
    this.#counters = context.counters;
    this.#owner = owner;
    this.codec = new H2Connection({
      role: "server",
      owner: this,
      limits: h2LimitsOf(current),
      sink: new ConnectionSink(context.transport, connection),
      clock: context.clock,
      scratch: listener.scratch,
    });
  }

  requestHead(stream: H2Stream): RequestHead {
    const taken = this.listener.streams.take();
    stream.user = taken;
    this.streams.add(taken);
    this.#countStreams(1);
    taken.take(this, stream);
    this.#owner.streamOpened();
    return taken.exchange.request;
  }

  onRequest(stream: H2Stream, ended: boolean): void {
    streamOf(stream)?.onRequest(ended);
    this.#owner.served(++this.#served);
  }

  onBadRequest(stream: H2Stream, fault: Fault): void {
    streamOf(stream)?.onBadRequest(fault);
    this.#owner.served(++this.#served);
  }

  onData(stream: H2Stream, bytes: Buffer, start: number, end: number): void {
    streamOf(stream)?.onData(bytes, start, end);
  }

  onEnd(stream: H2Stream, trailers: Fields): void {
    streamOf(stream)?.onEnd(trailers);
  }

  onStreamDrained(stream: H2Stream): void {
    streamOf(stream)?.onDrained();
  }

  onStreamClosed(stream: H2Stream): void {
    streamOf(stream)?.onClosed();
  }

  onStreamError(stream: H2Stream, error: H2Error): void {
    streamOf(stream)?.onError(error);
  }

  /** Nothing of ours depends on what a client sets; the codec keeps to it. */
  onSettings(): void {}

  /** A client that is about to leave tells so. We open no streams, so it means none of ours. */
  onGoAway(): void {}

  onPong(): void {
    this.#owner.pong();
  }

  onConnectionError(error: H2Error): void {
    this.#owner.failed(error);
  }

  tunnelOpened(tunnel: Tunnel): void {
    this.#owner.tunnelOpened(tunnel);
  }

  released(stream: DownstreamH2Stream): void {
    this.streams.delete(stream);
    this.#countStreams(-1);
    this.listener.streams.give(stream);
    if (this.streams.size === 0) this.#owner.idle();
  }

  #countStreams(by: 1 | -1): void {
    (this.#counters[GLOBAL_SLOTS.h2_downstream_streams] as number) += by;
  }
}

/** `null` once we have let go of it. */
function streamOf(stream: H2Stream): DownstreamH2Stream | null {
  return stream.user as DownstreamH2Stream | null;
}
