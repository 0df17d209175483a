/** The limits of HTTP/3 connections with clients, from the plan of their listener. */
import { DEFAULT_H3_LIMITS, type H3Limits } from "../../wire/h3/h3-limits.ts";
import type { ListenerCurrent } from "../listener/listener-current.ts";
import type { QuicPlan } from "../quic-plan.ts";

export function h3LimitsOf({ generation, runtime }: ListenerCurrent, quic: QuicPlan): H3Limits {
  const { h2, http, websocket } = runtime.plan;
  const { security, runtime: settings } = generation.plan;
  return {
    maxConcurrentStreams: quic.transport.maxBidirectionalStreams,
    maxFieldSectionBytes: quic.maxFieldSectionBytes,
    maxFields: http.maxHeaders,
    // What one stream may hold, and what a peer may have us reset, is the same in both versions.
    maxSendBufferBytes: h2.maxSendBufferBytes,
    maxUnconsumedBytes: DEFAULT_H3_LIMITS.maxUnconsumedBytes,
    maxPeerResets: h2.maxPendingAcceptResetStreams,
    maxErrorResets: h2.maxLocalErrorResetStreams,
    qpackTableBytes: quic.qpackTableBytes,
    qpackBlockedStreams: quic.qpackBlockedStreams,
    qpackEncoderTableBytes: quic.qpackEncoderTableBytes,
    connectProtocol: websocket.enabled && websocket.h3ExtendedConnect,
    datagrams: false,
    underscores: security.strictTe ? "reject" : settings.headerUnderscorePolicy,
  };
}
