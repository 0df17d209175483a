/**
 * The idle HTTP/1 connections of one backend: the warmest is used first, and the rest age out. Bounded for
 * the backend by what it is told, and for the worker by the total that all backends share.
 */
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { IdleTotal } from "./idle-total.ts";
import type { UpstreamH1 } from "./upstream-h1.ts";

export class IdleStack {
  readonly #counters: Float64Array;
  readonly #total: IdleTotal;
  readonly #connections: UpstreamH1[] = [];

  constructor(counters: Float64Array, total: IdleTotal) {
    this.#counters = counters;
    this.#total = total;
  }

  get length(): number {
    return this.#connections.length;
  }

  push(connection: UpstreamH1): void {
    this.#connections.push(connection);
    this.#total.change(1);
  }

  /** The one that was used last and can be used again; `null`: there is none. */
  take(): UpstreamH1 | null {
    for (;;) {
      const connection = this.#connections.pop();
      if (connection === undefined) return null;
      this.#total.change(-1);
      if (connection.usable()) return connection;
      (this.#counters[GLOBAL_SLOTS.pool_probe_failures_total] as number) += 1;
      connection.destroy();
    }
  }

  /** Does nothing for a connection that is not idle. */
  forget(connection: UpstreamH1): void {
    const index = this.#connections.lastIndexOf(connection);
    if (index === -1) return;
    this.#connections.splice(index, 1);
    this.#total.change(-1);
  }

  /** Closes them all. */
  clear(): void {
    while (this.#connections.length > 0) this.#connections.at(-1)?.destroy();
  }
}
