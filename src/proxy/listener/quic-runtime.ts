/** What a generation means to the QUIC of one listener: its contexts, and what its endpoint is told. */
import { RetryTokens } from "../../wire/quic/retry-token.ts";
import type { ListenerPlan, RuntimePlan } from "../plan.ts";
import type { QuicListenerSettings } from "../quic/listener-settings.ts";
import type { QuicPlan } from "../quic-plan.ts";
import { QuicContexts, type QuicServers } from "./quic-contexts.ts";

export interface QuicRuntime {
  readonly plan: QuicPlan;
  readonly contexts: QuicContexts;
  readonly settings: QuicListenerSettings;
}

/** `null`: the listener speaks TCP. Throws an `Error` in words: the engine refuses a certificate or a setting. */
export function quicRuntime(
  { quic }: ListenerPlan,
  { perIpConnectionCap, handshakeTimeoutMs }: RuntimePlan,
  servers: QuicServers | null,
): QuicRuntime | null {
  if (quic === null) return null;
  if (servers === null) throw new Error("there is no QUIC here");
  return {
    plan: quic,
    contexts: new QuicContexts(servers, quic),
    settings: {
      transport: quic.transport,
      earlyData: quic.earlyData,
      retry: quic.retry,
      retryTokens: new RetryTokens(quic.retryKeys),
      maxConnections: quic.maxConnections,
      maxConnectionsPerAddress: perIpConnectionCap,
      maxHalfOpen: quic.maxHalfOpen,
      handshakeTimeoutMs,
    },
  };
}
