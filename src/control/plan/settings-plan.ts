/** The parts of the plan that are settings and not topology. Called by `build-plan.ts`. */
import type { AccessLogPlan, PoolPlan, RuntimePlan, SecurityPlan } from "../../proxy/plan.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";

export function runtimePlan({ runtime, security }: GatewayConfig): RuntimePlan {
  return {
    maxInflightConnections: runtime.max_inflight_connections,
    perIpConnectionCap: runtime.per_ip_connection_cap,
    connectTimeoutMs: runtime.connect_timeout_ms,
    handshakeTimeoutMs: runtime.handshake_timeout_ms,
    tcpBufferBytes: runtime.tcp_buffer_bytes,
    // Strict framing would be worth little if a field could be spelt in two ways.
    headerUnderscorePolicy: security.strict_te ? "reject" : runtime.header_underscore_policy,
    headerDeadlineMs: runtime.watchdog.header_deadline_ms,
    bodyProgressMinBps: runtime.watchdog.body_progress_min_bps,
    sweepIntervalMs: runtime.watchdog.sweep_interval_ms,
  };
}

export function securityPlan({ security }: GatewayConfig): SecurityPlan {
  return {
    strictTe: security.strict_te,
    trustedProxies: security.trusted_proxies,
    untrustedForwarded: security.untrusted_forwarded,
  };
}

export function poolPlan({ pool }: GatewayConfig): PoolPlan {
  return {
    maxPerBackend: pool.max_per_backend,
    maxIdlePerBackend: pool.max_idle_per_backend,
    maxIdleTotal: pool.max_idle_total,
    idleTimeoutMs: pool.idle_timeout_ms,
    maxAgeMs: pool.max_age_ms,
    maxPendingPerBackend: pool.max_pending_per_backend,
    quicMaxPerBackend: pool.quic_max_per_backend,
    quicMaxTotal: pool.quic_max_total,
  };
}

export function accessLogPlan({ observability }: GatewayConfig): AccessLogPlan {
  return observability.access_log;
}
