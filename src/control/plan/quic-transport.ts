/**
 * The transport settings of QUIC connections: of listeners with HTTP/3, of relays of raw QUIC, and of
 * connections to backends with HTTP/3. Used by the plans of listeners and backends.
 */
import type { QuicTransportSettings } from "../../fastpath/quic-engine.ts";
import { relayTransport } from "../../proxy/relay/quic-relay-limits.ts";
import type { ListenerQuicConfig } from "../config/gateway-config.ts";

/** Of our own packets: almost every path carries them, tunnels and IPv6 included. Feature row A10.2. */
const SEND_PAYLOAD_BYTES = 1350;

/** What an Ethernet frame carries over IPv6: backends that look for the largest packet find this one. */
const RECEIVE_PAYLOAD_BYTES = 1452;

/** Octets that a backend may send before a client has taken some: over all requests, and of one. */
const BACKEND_CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
const BACKEND_STREAM_WINDOW_BYTES = 1024 * 1024;

/** The control stream, the two of QPACK, and some of types that servers have us ignore (RFC 9114 section 6.2.3). */
const BACKEND_UNIDIRECTIONAL_STREAMS = 8;

/** Of connections to backends with HTTP/3; `pool.idle_timeout_ms` and what the backend says may end them earlier. */
export const H3_BACKEND_TRANSPORT: QuicTransportSettings = {
  maxIdleTimeoutMs: 30_000,
  maxReceivePayloadBytes: RECEIVE_PAYLOAD_BYTES,
  maxSendPayloadBytes: SEND_PAYLOAD_BYTES,
  connectionWindowBytes: BACKEND_CONNECTION_WINDOW_BYTES,
  streamWindowBytes: BACKEND_STREAM_WINDOW_BYTES,
  // Servers open none (RFC 9114 section 6.1).
  maxBidirectionalStreams: 0,
  maxUnidirectionalStreams: BACKEND_UNIDIRECTIONAL_STREAMS,
  disableActiveMigration: true,
  maxQueuedDatagrams: 0,
  congestionControl: "cubic",
};

/** Of a listener's connections, and with a raw proxy of those to its backends, too. */
export function listenerTransport(quic: ListenerQuicConfig): QuicTransportSettings {
  const { raw_proxy: raw } = quic;
  const maxSendPayloadBytes = Math.min(SEND_PAYLOAD_BYTES, quic.max_recv_udp_payload_size);
  if (raw !== undefined) {
    const relay = relayTransport({
      maxIdleTimeoutMs: quic.max_idle_timeout_ms,
      maxPayloadBytes: quic.max_recv_udp_payload_size,
      maxStreams: raw.max_relay_streams,
      maxQueuedDatagrams: raw.dgram_queue_cap,
    });
    return { ...relay, maxSendPayloadBytes };
  }
  return {
    maxIdleTimeoutMs: quic.max_idle_timeout_ms,
    maxReceivePayloadBytes: quic.max_recv_udp_payload_size,
    maxSendPayloadBytes,
    connectionWindowBytes: quic.initial_connection_window_size,
    streamWindowBytes: quic.initial_stream_window_size,
    maxBidirectionalStreams: quic.max_concurrent_bidi_streams,
    maxUnidirectionalStreams: quic.max_concurrent_uni_streams,
    disableActiveMigration: !quic.active_migration,
    maxQueuedDatagrams: 0,
    congestionControl: quic.congestion_control,
  };
}
