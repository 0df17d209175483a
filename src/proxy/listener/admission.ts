/**
 * The limits that a client's connection passes before anybody serves it, over TCP and over QUIC alike: the
 * cap of its address, and that of all workers together. What it takes, it gives back when it is gone.
 * Feature row A2.11.
 */
import { faultIndex } from "../../base/fault.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { ListenerSlots } from "../plan.ts";
import { PER_IP_REFUSED } from "../state/per-ip-table.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { ListenerCurrent } from "./listener-current.ts";

/** What an admitted connection has to give back: a reload may have renamed the listener meanwhile. */
export interface Admission {
  readonly ticket: number;
  readonly slots: ListenerSlots;
}

export type Refusal = "address_cap" | "over_capacity";

/** Counts a connection of the client at this address in, or says why not; a refusal is counted too, but told by `tellShed`. */
export function admit(
  { counters, stripe }: WorkerContext,
  { runtime, generation }: ListenerCurrent,
  ip: string,
): Admission | Refusal {
  const slots = runtime.plan.metrics;
  const { perIpConnectionCap, maxInflightConnections } = generation.plan.runtime;
  const ticket = stripe.perIp.acquire(ip, perIpConnectionCap);
  if (ticket === PER_IP_REFUSED) {
    (counters[GLOBAL_SLOTS.accept_reject_total] as number) += 1;
    return "address_cap";
  }
  (counters[slots.acceptInflight] as number) += 1;
  if (stripe.sum(slots.acceptInflight) > maxInflightConnections) {
    (counters[slots.acceptInflight] as number) -= 1;
    stripe.perIp.release(ticket);
    return "over_capacity";
  }
  (counters[slots.connectionsInflight] as number) += 1;
  return { ticket, slots };
}

/** The connection is gone. */
export function giveBack({ counters, stripe }: WorkerContext, { ticket, slots }: Admission): void {
  stripe.perIp.release(ticket);
  (counters[slots.acceptInflight] as number) -= 1;
  (counters[slots.connectionsInflight] as number) -= 1;
}

/** Counts and tells that a connection is turned away because there are too many. */
export function tellShed({ counters, log }: WorkerContext, { runtime: { plan } }: ListenerCurrent): void {
  (counters[plan.metrics.acceptShed] as number) += 1;
  (counters[plan.metrics.faults + faultIndex("over_capacity")] as number) += 1;
  log.warn({ listener: plan.name }, "over capacity: connections are turned away");
}
