/** The Alt-Svc field (RFC 7838) of a listener: as configured, or what follows from its neighbours. Feature row A2.16. */
import type { GatewayConfig, ListenerConfig } from "../config/gateway-config.ts";
import { isHttpListener } from "../config/gateway-config.ts";
import { hostsOverlap } from "../config/hosts-overlap.ts";

/** How long clients remember what no `alt_svc` says: the default of its `max_age`. */
const MAX_AGE_S = 3600;

/** The value of the field; empty: there is none. */
export function altSvcValue(listener: ListenerConfig, { listeners }: GatewayConfig): string {
  const { alt_svc: own, protocol, port } = listener;
  if (own !== undefined) return fieldValue(own.h3_port, own.max_age);
  // A free port of UDP is another one than that of TCP.
  if (protocol !== "h1s" || port === 0) return "";
  const hasHttp3 = listeners.some((other) => servesHttp3(other, listener));
  return hasHttp3 ? fieldValue(port, MAX_AGE_S) : "";
}

function servesHttp3(other: ListenerConfig, { host, port }: ListenerConfig): boolean {
  return (
    other.protocol === "quic" &&
    isHttpListener(other) &&
    other.port === port &&
    hostsOverlap(other.host, host)
  );
}

function fieldValue(port: number, maxAgeS: number): string {
  return `h3=":${port}"; ma=${maxAgeS}`;
}
