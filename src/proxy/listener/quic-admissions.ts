/**
 * The caps of a QUIC listener's connections, as its endpoint asks for them: one ticket for each connection
 * that was let in, until nothing of it is left.
 */
import type { ConnectionTickets } from "../quic/listener-settings.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { WorkerContext } from "../worker-context.ts";
import { type Admission, admit, giveBack, tellShed } from "./admission.ts";
import type { ServingListener } from "./serving-listener.ts";

/** `ConnectionTickets`: the client is turned away. */
const REFUSED = 0;

export class QuicAdmissions implements ConnectionTickets {
  readonly #context: WorkerContext;
  readonly #listener: Pick<ServingListener, "current">;
  readonly #admissions = new Map<number, Admission>();
  #lastTicket = REFUSED;

  constructor(context: WorkerContext, listener: Pick<ServingListener, "current">) {
    this.#context = context;
    this.#listener = listener;
  }

  /** The cap is the one of the generation that is current, as the endpoint's settings have it too. */
  acquire(ip: string): number {
    const { current } = this.#listener;
    (this.#context.counters[GLOBAL_SLOTS.connections_total] as number) += 1;
    const admission = admit(this.#context, current, ip);
    if (typeof admission === "string") {
      if (admission === "over_capacity") tellShed(this.#context, current);
      return REFUSED;
    }
    this.#lastTicket += 1;
    this.#admissions.set(this.#lastTicket, admission);
    return this.#lastTicket;
  }

  release(ticket: number): void {
    const admission = this.#admissions.get(ticket);
    if (admission === undefined) return;
    this.#admissions.delete(ticket);
    giveBack(this.#context, admission);
  }
}
