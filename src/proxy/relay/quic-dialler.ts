/**
 * Chooses the backends of one relayed connection among those of the listener's raw proxy, and opens QUIC
 * connections to them, which count as any other connection and exchange. Made by the listener for `QuicRelay`.
 */
import { Fault } from "../../base/fault.ts";
import type { RouteRuntime } from "../generation.ts";
import type { BackendSlots } from "../plan.ts";
import type { QuicOwner } from "../quic/quic-owner.ts";
import { quicDial } from "../upstream/quic-dial.ts";
import type { QuicRelayDialled, QuicRelayDialler } from "./quic-relay-link.ts";

export class ServiceQuicDialler implements QuicRelayDialler {
  readonly #counters: Float64Array;
  readonly #route: RouteRuntime | undefined;
  /** Where the attempt under way is counted: a reload may give the backend others. */
  #slots: BackendSlots | null = null;

  /** `counters`: of the worker's stripe. `route`: the listener's one and only, with the backends. */
  constructor(counters: Float64Array, route: RouteRuntime | undefined) {
    this.#counters = counters;
    this.#route = route;
  }

  dial(applicationProtocol: string, owner: QuicOwner): QuicRelayDialled {
    const backend = this.#route?.service.balancer.pick() ?? null;
    if (backend === null) return { backend, link: new Fault("no_backend") };
    this.#slots = backend.slots;
    this.#count(1);
    return { backend, link: quicDial(backend, [applicationProtocol], owner) };
  }

  released(): void {
    this.#count(-1);
    this.#slots = null;
  }

  #count(by: 1 | -1): void {
    if (this.#slots === null) return;
    (this.#counters[this.#slots.inflight] as number) += by;
    (this.#counters[this.#slots.connections] as number) += by;
  }
}
