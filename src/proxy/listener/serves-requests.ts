/** Whether the connections of a listener carry requests, or bytes and streams that are relayed as they are. */
import type { ListenerPlan } from "../plan.ts";

/** A reload may turn one into the other, while connections go on that began before. */
export function servesRequests({ protocol, quic }: ListenerPlan): boolean {
  return protocol !== "tls" && (quic === null || quic.rawProxy === null);
}
