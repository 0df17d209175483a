/** The listeners of the plan: their settings under the names of the data plane. Called by `build-plan.ts`. */
import { assert } from "../../base/assert.ts";
import type { TlsServerSettings } from "../../fastpath/tls.ts";
import type {
  GrpcPlan,
  H2Plan,
  HttpPlan,
  ListenerPlan,
  ListenerTlsPlan,
  WebSocketPlan,
} from "../../proxy/plan.ts";
import { certificateEntries } from "../certificates/named-files.ts";
import type { GatewayConfig, ListenerConfig, ListenerTlsConfig } from "../config/gateway-config.ts";
import { listenerSlots } from "../metrics/plan-slots.ts";
import { altSvcValue } from "./alt-svc.ts";
import type { PlanInput } from "./build-plan.ts";
import { quicPlan } from "./listener-quic-plan.ts";

/** What an `h1s` listener offers, in its order of preference. Feature row A3.4. */
const HTTP_ALPN: readonly string[] = ["h2", "http/1.1"];

export function listenerPlan(listener: ListenerConfig, input: PlanInput): ListenerPlan {
  const { protocol } = listener;
  assert(
    protocol === "h1" || protocol === "h1s" || protocol === "tls" || protocol === "quic",
    `listener protocol ${protocol} has no plan`,
  );
  return {
    name: listener.name,
    address: listener.address,
    host: listener.host,
    port: listener.port,
    protocol,
    http: httpPlan(listener),
    tls: protocol === "h1s" || protocol === "tls" ? tlsPlan(listener, input) : null,
    quic: protocol === "quic" ? quicPlan(listener, input) : null,
    h2: h2Plan(listener),
    websocket: webSocketPlan(listener),
    grpc: grpcPlan(listener),
    maxKeepaliveRequests: input.config.runtime.max_keepalive_requests,
    relayIdleTimeoutMs: listener.relay_idle_timeout_ms,
    altSvc: altSvcValue(listener, input.config),
    drainTimeoutMs: listener.drain_timeout_ms,
    drainJitterMs: listener.drain_jitter_ms,
    metrics: listenerSlots(input.registry, listener.name),
  };
}

function httpPlan({ http }: ListenerConfig): HttpPlan {
  return {
    headerTimeoutMs: http.header_timeout_ms,
    bodyTimeoutMs: http.body_timeout_ms,
    totalTimeoutMs: http.total_timeout_ms,
    headTimeoutMs: http.head_timeout_ms,
    keepaliveTimeoutMs: http.keepalive_timeout_ms,
    maxHeaderBytes: http.max_header_bytes,
    maxHeaders: http.max_headers,
    maxRequestBodyBytes: http.max_request_body_bytes,
    maxResponseBodyBytes: http.max_response_body_bytes,
  };
}

function h2Plan({ h2_security: h2 }: ListenerConfig): H2Plan {
  return {
    maxPendingAcceptResetStreams: h2.max_pending_accept_reset_streams,
    maxLocalErrorResetStreams: h2.max_local_error_reset_streams,
    maxConcurrentStreams: h2.max_concurrent_streams,
    maxHeaderListBytes: h2.max_header_list_size,
    maxSendBufferBytes: h2.max_send_buf_size,
    keepAliveIntervalMs: h2.keep_alive_interval_ms,
    keepAliveTimeoutMs: h2.keep_alive_timeout_ms,
    streamWindowBytes: h2.initial_stream_window_size,
    connectionWindowBytes: h2.initial_connection_window_size,
  };
}

function webSocketPlan({ websocket }: ListenerConfig): WebSocketPlan {
  return {
    enabled: websocket.enabled,
    h2ExtendedConnect: websocket.enabled && websocket.h2_extended_connect,
    h3ExtendedConnect: websocket.enabled && websocket.h3_extended_connect,
    idleTimeoutMs: websocket.idle_timeout_seconds * 1000,
    maxMessageBytes: websocket.max_message_size_bytes,
    pingsPerWindow: websocket.ping_rate_limit_per_window,
    pingWindowMs: websocket.ping_rate_limit_window_seconds * 1000,
    frameTimeoutMs: websocket.read_frame_timeout_seconds * 1000,
  };
}

function grpcPlan({ grpc }: ListenerConfig): GrpcPlan {
  return {
    enabled: grpc.enabled,
    maxDeadlineMs: grpc.max_deadline_seconds * 1000,
    healthSynthesized: grpc.health_synthesized,
    web: grpc.web,
  };
}

function tlsPlan(listener: ListenerConfig, input: PlanInput): ListenerTlsPlan {
  const { tls } = listener;
  assert(tls !== undefined, `listener ${listener.name} has no TLS settings`);
  return {
    settings: serverSettings(listener, tls, input),
    forwardCertificate: tls.forward_client_certificate,
  };
}

function serverSettings(
  listener: ListenerConfig,
  tls: ListenerTlsConfig,
  { config, certificates, ticketKeys, keyLogPath }: PlanInput,
): TlsServerSettings {
  return {
    certificates: certificateEntries(tls).map((entry) => ({
      certPem: certificates.pem(entry.certPath),
      keyPem: certificates.pem(entry.keyPath),
      names: certificates.names(entry.certPath),
      ocsp: entry.ocspPath === undefined ? null : certificates.bytes(entry.ocspPath),
    })),
    minVersion: minVersion(tls, config),
    alpn: listener.protocol === "h1s" ? HTTP_ALPN : [],
    ticketKeys: ticketKeys(listener.address),
    clientCertificate: {
      mode: tls.client_auth,
      caPem: tls.client_ca_path === undefined ? "" : certificates.pem(tls.client_ca_path),
      crlPem: tls.client_crl_path === undefined ? "" : certificates.pem(tls.client_crl_path),
    },
    keyLogPath,
  };
}

function minVersion(tls: ListenerTlsConfig, { runtime }: GatewayConfig): TlsServerSettings["minVersion"] {
  return runtime.tls.tls13_only || tls.min_version === "1.3" ? "TLSv1.3" : "TLSv1.2";
}
