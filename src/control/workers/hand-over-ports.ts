/**
 * Where each worker takes packets of QUIC over that reached another one, by the worker's place. The pool
 * keeps it as workers tell their ports, leave and end, and tells it to all of them.
 */
import { randomBytes } from "node:crypto";
import type { ToWorker } from "../../proxy/control-messages.ts";
import { HAND_OVER_SECRET_BYTES } from "../../proxy/quic/hand-over-frame.ts";

export class HandOverPorts {
  /** Other programs of the machine can send to the ports too; the workers know each other by it. */
  readonly #secret: Uint8Array = new Uint8Array(randomBytes(HAND_OVER_SECRET_BYTES));
  readonly #ports: number[];
  /** Workers that take no new clients any more. */
  readonly #leaving = new Set<number>();
  #told = true;

  /** `places`: for how many workers there is room. */
  constructor(places: number) {
    this.#ports = Array.from({ length: places }, () => 0);
  }

  /** `port`: 0 when the worker takes nothing over. */
  set(worker: number, port: number): void {
    if (this.#ports[worker] === port) return;
    this.#ports[worker] = port;
    this.#told = false;
  }

  /** The worker drains: it still needs the packets of its own connections. */
  leaves(worker: number): void {
    this.#leaving.add(worker);
    if (this.#ports[worker] !== 0) this.#told = false;
  }

  /** The worker has ended; its place may have another one soon. */
  gone(worker: number): void {
    this.set(worker, 0);
    this.#leaving.delete(worker);
  }

  get message(): ToWorker {
    const ports = [...this.#ports];
    const takers = [...ports.keys()].filter((worker) => ports[worker] !== 0 && !this.#leaving.has(worker));
    return { kind: "peers", secret: this.#secret, ports, takers };
  }

  /** For all workers, once for each change; `null`: they know. */
  takeNews(): ToWorker | null {
    if (this.#told) return null;
    this.#told = true;
    return this.message;
  }
}
