/**
 * What the control plane and a worker say to each other over the process channel. All of it is
 * plain data, copied by the structured clone algorithm, so that octets stay octets. A plan is taken
 * over in two steps, so that it becomes live in every worker or in none.
 */
import type { Plan } from "./plan.ts";

export type ToWorker =
  /**
   * The workers, for packets of QUIC that reach the wrong one: before the first plan, and whenever one comes
   * or goes. By their places: where each takes packets over; 0: it does not, or is not there. `takers`: the
   * places of those that take new clients.
   */
  | {
      readonly kind: "peers";
      readonly secret: Uint8Array;
      readonly ports: readonly number[];
      readonly takers: readonly number[];
    }
  /** Compile the plan and bind its new listeners; take no connection on them yet. */
  | { readonly kind: "prepare"; readonly plan: Plan }
  /** Swap to the prepared plan, close listeners that it no longer has. */
  | { readonly kind: "commit"; readonly generation: number }
  /** Forget the prepared plan and close what it had bound. */
  | { readonly kind: "abort"; readonly generation: number }
  /** The addresses of a backend's host name changed. */
  | { readonly kind: "addresses"; readonly host: string; readonly addresses: readonly string[] }
  /** A listener's session tickets have other keys: the first encrypts, all decrypt. */
  | { readonly kind: "ticketKeys"; readonly listener: string; readonly keys: readonly Uint8Array[] }
  /** Open the access log anew (it was rotated). */
  | { readonly kind: "reopenLogs" }
  /** Stop accepting, close idle connections, announce the end on the others. */
  | { readonly kind: "drain" }
  /** Abort what is left and exit. */
  | { readonly kind: "stop" };

export type FromWorker =
  /** The process runs and waits for its first plan. */
  | { readonly kind: "started"; readonly transport: string }
  | {
      readonly kind: "prepared";
      readonly generation: number;
      readonly ports: Readonly<Record<string, number>>;
      /** Where the worker takes packets of QUIC over; 0: it does not. */
      readonly handOverPort: number;
    }
  | { readonly kind: "refused"; readonly generation: number; readonly reason: string }
  | { readonly kind: "committed"; readonly generation: number }
  /** Answer to `drain`: no listener accepts any more. */
  | { readonly kind: "draining" }
  /** Every connection has ended after `drain`. */
  | { readonly kind: "drained" }
  /** Answer to `stop`: how many connections were cut. */
  | { readonly kind: "stopped"; readonly aborted: number };
