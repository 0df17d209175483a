/**
 * Which transport moves the bytes: a pure decision from the setting and from what can run here. The
 * control plane decides once per start, for all workers, and `check` asks the same question.
 * `open-transport.ts` looks at the machine and opens what was chosen.
 */
import type { Transport } from "./transport.ts";

export type TransportKind = Transport["kind"];

/** `[runtime].transport`. */
export type TransportSetting = "auto" | TransportKind;

/** Why a transport cannot run here, in one line; empty: it can. */
export type TransportProbe = (kind: TransportKind) => string;

/**
 * What `auto` tries, best first. The last one runs everywhere. io_uring is not in it: it is for those
 * who ask for it by name, as many kernels and sandboxes refuse it and the gain over epoll is small.
 */
export const AUTO_ORDER: readonly TransportKind[] = ["epoll", "net"];

export interface TransportChoice {
  readonly kind: TransportKind;
  /** Why `auto` did not take what it prefers: `epoll: REASON`. Empty: nothing stood in the way. */
  readonly reason: string;
}

/** `refused`: what was asked for by name cannot run here, and nothing else may take its place. */
export type TransportDecision =
  | { readonly kind: "chosen"; readonly choice: TransportChoice }
  | { readonly kind: "refused"; readonly reason: string };

/** Probes no more than it must. Feature row A2.17. */
export function chooseTransport(setting: TransportSetting, probe: TransportProbe): TransportDecision {
  if (setting !== "auto") {
    const reason = probe(setting);
    return reason === "" ? chosen(setting, "") : { kind: "refused", reason };
  }
  const reasons: string[] = [];
  for (const kind of AUTO_ORDER) {
    const reason = probe(kind);
    if (reason === "") return chosen(kind, reasons.join("; "));
    reasons.push(`${kind}: ${reason}`);
  }
  return { kind: "refused", reason: reasons.join("; ") };
}

/** A refusal for people. */
export function describeRefusal(setting: TransportSetting, reason: string): string {
  return `transport "${setting}" cannot run here: ${reason}`;
}

function chosen(kind: TransportKind, reason: string): TransportDecision {
  return { kind: "chosen", choice: { kind, reason } };
}
