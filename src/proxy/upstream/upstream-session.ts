/**
 * A connection to a backend that carries many exchanges at once, as its backend, the set of them and their
 * streams know it: `UpstreamH2` over TCP, `UpstreamH3` over QUIC.
 */
import type { FaultCode } from "../../base/fault.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { Backend } from "./backend.ts";
import type { ConnectionAccount } from "./connection-account.ts";
import type { KeptBody } from "./kept-body.ts";

/** What differs by version in logs and counters. */
export interface SessionKind {
  readonly name: string;
  readonly slots: SessionSlots;
}

export interface SessionSlots {
  readonly connections: number;
  readonly connectionsTotal: number;
  readonly streams: number;
  readonly streamsRefused: number;
  readonly goAwaysReceived: number;
}

export const H2_SESSION: SessionKind = {
  name: "HTTP/2",
  slots: {
    connections: GLOBAL_SLOTS.h2_upstream_connections,
    connectionsTotal: GLOBAL_SLOTS.h2_upstream_connections_total,
    streams: GLOBAL_SLOTS.h2_upstream_streams,
    streamsRefused: GLOBAL_SLOTS.h2_upstream_streams_refused_total,
    goAwaysReceived: GLOBAL_SLOTS.h2_goaway_received_total,
  },
};

export const H3_SESSION: SessionKind = {
  name: "HTTP/3",
  slots: {
    connections: GLOBAL_SLOTS.h3_upstream_connections,
    connectionsTotal: GLOBAL_SLOTS.h3_upstream_connections_total,
    streams: GLOBAL_SLOTS.h3_upstream_streams,
    streamsRefused: GLOBAL_SLOTS.h3_upstream_streams_refused_total,
    goAwaysReceived: GLOBAL_SLOTS.h3_goaway_received_total,
  },
};

export interface UpstreamSession {
  readonly kind: SessionKind;
  readonly backend: Backend;
  readonly connection: ConnectionAccount;
  /** Responses that were whole. */
  served: number;
  /** How often bytes have come. */
  readonly heard: number;
  /** What a stream ends with when the connection is gone. */
  closeCode: FaultCode;
  /** A stream can be opened now. */
  readonly hasRoom: boolean;
  /** Streams that are not over, and exchanges that wait for one. */
  readonly streams: number;
  /** Streams that it may have at once, as far as its peer allows. */
  readonly maxStreams: number;
  /** Whether streams may still be opened on it, now or later; otherwise it has left. Feature row A6.1: probe before reuse. */
  usable(): boolean;
  /** Opens a stream for the exchange; `null`: the exchange has ended, or has gone elsewhere. `body`: what was taken of it. */
  begin(exchange: Exchange, body: KeptBody | null): RequestSink | null;
  /** A stream has ended, in whatever way. */
  streamOver(): void;
  /** Opens no stream from now on, and closes after those that there are. */
  leave(): void;
}
