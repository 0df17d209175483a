/**
 * What a relay of raw QUIC may hold of the octets that pass through it, and the transport settings that
 * bound what QUIC itself holds for it. A reader that stalls, on all of its streams at once, has at most the
 * sum of the three parts below in the gateway, which `MAX_RELAY_HELD_BYTES` is. What was sent and is not
 * acknowledged comes to that; how much it is, the reader's own windows say.
 */
import type { QuicTransportSettings } from "../../fastpath/quic-engine.ts";
import { READ_ARENA_BYTES } from "../quic/quic-environment.ts";

/** Unread octets of a connection that stay with QUIC: what a path of 90 Mbit/s and 20 ms has under way. */
export const RELAY_CONNECTION_WINDOW_BYTES = 224 * 1024;

/** Not all of that, so that one stream that stalls leaves room for others. */
export const RELAY_STREAM_WINDOW_BYTES = 128 * 1024;

/**
 * What a stream begins with; its window grows while it is read. The connection's window is extended only
 * while less than 24 KiB lie unread (`quiche-windows.ts`), so a stream that stalls from its beginning does not hold up
 * the others; and no more than this is lost of it with a reset.
 */
export const RELAY_STREAM_START_BYTES = 8 * 1024;

/**
 * What is read of a stream ahead of its reader before it is paused. What is held here is not lost with a
 * reset.
 */
export const HELD_STREAM_PAUSE_BYTES = 8 * 1024;

/**
 * Remainders of reads that the other side had no room for, of all streams of one direction. Above, nothing
 * more is read of the connection; the read that led there, of `READ_ARENA_BYTES` at most, is kept.
 */
export const HELD_PAUSE_BYTES = 64 * 1024;

/**
 * Octets of streams that cannot be opened on the other side yet. One stream may go above this by a read,
 * and is paused; others that bring more are refused, as unread octets of theirs would use up the window that
 * open streams need to come to their ends.
 */
export const WAITING_BYTES = 64 * 1024;

/**
 * Streams of each kind that a peer may have open, though more are relayed: what most servers allow. Who is
 * told of more opens streams that then wait for the other side.
 */
export const RELAY_PEER_STREAMS = 100;

/** One direction of a connection: see above. Less than 512 KiB. */
export const MAX_RELAY_HELD_BYTES =
  RELAY_CONNECTION_WINDOW_BYTES + (HELD_PAUSE_BYTES + READ_ARENA_BYTES) + (WAITING_BYTES + READ_ARENA_BYTES);

/** Datagrams that wait while a backend is dialled; as many as some applications send before the first answer. */
export const EARLY_DATAGRAMS = 64;

/** Backends tried for one connection; more only adds to the client's wait while all are down. */
export const MAX_RELAY_ATTEMPTS = 3;

/** Streams of a worn connection that are under way may come to their ends; who is through begins anew the sooner. */
export const WORN_STREAMS_MS = 10_000;

/** What was said last may be lost, and is sent again, before a worn connection without streams is closed. */
export const WORN_LINGER_MS = 1000;

/** What is configured of a relay's connections. Feature row A10.7. */
export interface QuicRelayTransport {
  readonly maxIdleTimeoutMs: number;
  readonly maxPayloadBytes: number;
  /** `max_relay_streams`. */
  readonly maxStreams: number;
  /** `dgram_queue_cap`. */
  readonly maxQueuedDatagrams: number;
}

/** The transport settings of a relay's connections, the client's and the backend's alike. */
export function relayTransport(relay: QuicRelayTransport): QuicTransportSettings {
  const streams = Math.min(relay.maxStreams, RELAY_PEER_STREAMS);
  return {
    maxIdleTimeoutMs: relay.maxIdleTimeoutMs,
    maxReceivePayloadBytes: relay.maxPayloadBytes,
    maxSendPayloadBytes: relay.maxPayloadBytes,
    connectionWindowBytes: RELAY_CONNECTION_WINDOW_BYTES,
    streamWindowBytes: RELAY_STREAM_WINDOW_BYTES,
    streamStartBytes: RELAY_STREAM_START_BYTES,
    maxBidirectionalStreams: streams,
    maxUnidirectionalStreams: streams,
    disableActiveMigration: true,
    maxQueuedDatagrams: relay.maxQueuedDatagrams,
    congestionControl: "cubic",
  };
}
