/** The part of a plan that is about QUIC. See `plan.ts`. */
import type { QuicTransportSettings } from "../fastpath/quic-engine.ts";
import type { TlsIdentity } from "../fastpath/tls.ts";
import type { RetryPolicy } from "./quic/listener-settings.ts";

/** QUIC on one listener, and HTTP/3 over it. Feature rows A10.1 to A10.8. */
export interface QuicPlan {
  readonly transport: QuicTransportSettings;
  /** At least one; the first is shown to clients that name no host, or one that no identity is for. */
  readonly identities: readonly QuicIdentityPlan[];
  /** In order of preference; of a raw proxy empty: whatever the client offers first. */
  readonly alpn: readonly string[];
  /** 48 octets, the same in all workers. */
  readonly ticketKey: Uint8Array;
  readonly earlyData: boolean;
  readonly keyLogPath: string;
  readonly retry: RetryPolicy;
  /** 32 octets each, at most three: the first signs Retry tokens, all verify them. */
  readonly retryKeys: readonly Uint8Array[];
  /** 32 octets, the same in all workers: tokens of stateless resets are made with it. */
  readonly resetKey: Uint8Array;
  /** In each worker. */
  readonly maxConnections: number;
  /** Handshakes under way, in each worker. */
  readonly maxHalfOpen: number;
  /** Requests on one connection before it is ended; 0: no limit. Feature row A8.6. */
  readonly maxRequests: number;
  /** Names and values of a field section, and 32 octets for each field. */
  readonly maxFieldSectionBytes: number;
  /** Dynamic table of QPACK that clients may use, streams that may wait for it, and the one that we use; 0: none. */
  readonly qpackTableBytes: number;
  readonly qpackBlockedStreams: number;
  readonly qpackEncoderTableBytes: number;
  /** `null`: HTTP/3. */
  readonly rawProxy: QuicRawProxyPlan | null;
}

export interface QuicIdentityPlan extends TlsIdentity {
  /** As `TlsCertificate.names`. */
  readonly names: readonly string[];
}

/** Mode B. Feature row A10.7. Backends are those of the listener's route, with protocol `quic`. */
export interface QuicRawProxyPlan {
  readonly maxStreams: number;
}
