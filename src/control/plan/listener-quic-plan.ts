/** QUIC of a listener in the plan, HTTP/3 or a raw proxy. Called by `listener-plan.ts`. Feature rows A10.1 to A10.8. */
import { assert } from "../../base/assert.ts";
import type { QuicPlan } from "../../proxy/quic-plan.ts";
import type { RetryPolicy } from "../../proxy/quic/listener-settings.ts";
import { quicCertificateEntries } from "../certificates/named-files.ts";
import type { ListenerConfig, ListenerQuicConfig } from "../config/gateway-config.ts";
import type { PlanInput } from "./build-plan.ts";
import { listenerTransport } from "./quic-transport.ts";

/** RFC 9114 section 3.1. */
export const HTTP3_ALPN: readonly string[] = ["h3"];

export function quicPlan(listener: ListenerConfig, input: PlanInput): QuicPlan {
  const { quic } = listener;
  assert(quic !== undefined, `listener ${listener.name} has no QUIC settings`);
  const { certificates, quicKeys, keyLogPath, config } = input;
  const { raw_proxy: raw } = quic;
  return {
    transport: listenerTransport(quic),
    identities: quicCertificateEntries(quic).map(({ certPath, keyPath }) => ({
      certPem: certificates.pem(certPath),
      keyPem: certificates.pem(keyPath),
      names: certificates.names(certPath),
    })),
    alpn: raw === undefined ? HTTP3_ALPN : [],
    ...quicKeys(listener),
    earlyData: quic.early_data,
    keyLogPath,
    retry: retryPolicy(quic),
    maxConnections: quic.max_connections,
    maxHalfOpen: quic.max_half_open,
    maxRequests: config.runtime.max_requests_per_h3_connection,
    maxFieldSectionBytes: quic.max_field_section_size,
    qpackTableBytes: quic.qpack_max_table_capacity,
    qpackBlockedStreams: quic.qpack_blocked_streams,
    qpackEncoderTableBytes: quic.qpack_encoder_table_capacity,
    rawProxy: raw === undefined ? null : { maxStreams: raw.max_relay_streams },
  };
}

function retryPolicy({
  retry,
  retry_half_open_threshold: halfOpenThreshold,
}: ListenerQuicConfig): RetryPolicy {
  return retry === "always" ? { kind: "always" } : { kind: "under-load", halfOpenThreshold };
}
