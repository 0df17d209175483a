/** The limits of HTTP/2 connections with clients, from the plan of their listener. */
import type { H2Limits } from "../../wire/h2/h2-limits.ts";
import type { ListenerCurrent } from "../listener/listener-current.ts";

export function h2LimitsOf({ generation, runtime }: ListenerCurrent): H2Limits {
  const { h2, http, websocket } = runtime.plan;
  const { security, runtime: settings } = generation.plan;
  return {
    maxConcurrentStreams: h2.maxConcurrentStreams,
    maxHeaderListBytes: h2.maxHeaderListBytes,
    maxFields: http.maxHeaders,
    maxSendBufferBytes: h2.maxSendBufferBytes,
    streamWindowBytes: h2.streamWindowBytes,
    connectionWindowBytes: h2.connectionWindowBytes,
    maxPeerResets: h2.maxPendingAcceptResetStreams,
    maxErrorResets: h2.maxLocalErrorResetStreams,
    connectProtocol: websocket.enabled && websocket.h2ExtendedConnect,
    underscores: security.strictTe ? "reject" : settings.headerUnderscorePolicy,
  };
}
