/**
 * What both ends of the chaos test saw, in one place: the fate of each exchange, the bytes, and
 * everything that must not be. Nothing is asserted on the way, so that a run is counted to its end.
 */
import type { ExchangePlan } from "./exchange-plan.ts";

/** How an exchange ended for its client. `local`: with an answer of the gateway itself. `self`: the client gave up. */
export type Outcome = "whole" | "local" | "cut" | "self" | "stuck";

export class Ledger {
  /** In words; empty when all is well. */
  readonly violations: string[] = [];
  readonly outcomes = new Map<Outcome, number>();
  /** Answers of the gateway itself, by status. */
  readonly localStatuses = new Map<number, number>();
  begun = 0;
  /** Whole requests that backends got, one that was sent again counted again. */
  served = 0;
  /** Backend connections that were closed without a word after a response. */
  silentCloses = 0;
  /** Requests that met such a connection, and that nobody may send again. */
  metClosing = 0;
  /** Body bytes without framing: what arrived, and the most that can have been sent. */
  requestBytesAtBackend = 0;
  requestBytesSent = 0;
  responseBytesAtClient = 0;
  responseBytesSent = 0;
  readonly #sentWhole = new Set<number>();
  readonly #arrivals = new Map<number, number>();

  violate(what: string): void {
    // Enough to see what it is; a broken rule would be broken thousands of times.
    if (this.violations.length < 50) this.violations.push(what);
  }

  /** The client has handed the last byte of the request to its socket. */
  sentWhole({ id }: ExchangePlan): void {
    this.#sentWhole.add(id);
  }

  /** A backend reads the head of an exchange. */
  arrived({ id, method }: ExchangePlan): void {
    const times = (this.#arrivals.get(id) ?? 0) + 1;
    this.#arrivals.set(id, times);
    if (times > 1 && method === "POST") this.violate(`exchange ${id}: a POST came ${times} times`);
  }

  /** A backend has read a request that looks whole. */
  requestWhole({ id, requestBytes }: ExchangePlan, bodyBytes: number): void {
    this.served++;
    if (bodyBytes !== requestBytes)
      this.violate(`exchange ${id}: the request looks whole with ${bodyBytes} of ${requestBytes} bytes`);
    if (!this.#sentWhole.has(id)) this.violate(`exchange ${id}: the request looks whole but was cut`);
  }

  ended(plan: ExchangePlan, outcome: Outcome): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    if (outcome === "stuck") this.violate(`exchange ${describePlan(plan)}: no end`);
  }

  localAnswer(status: number): void {
    this.localStatuses.set(status, (this.localStatuses.get(status) ?? 0) + 1);
  }

  summary(): string {
    const show = (counts: ReadonlyMap<unknown, number>): string =>
      [...counts].map(([key, count]) => `${String(key)} ${count}`).join(", ");
    const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    return [
      `${this.begun} exchanges: ${show(this.outcomes)}`,
      `answers of the gateway itself: ${show(this.localStatuses)}`,
      `${this.served} whole requests at backends, ${this.silentCloses} silent closes, which ${this.metClosing} requests met`,
      `bodies: ${mib(this.requestBytesAtBackend)} to backends, ${mib(this.responseBytesAtClient)} to clients`,
    ].join("; ");
  }
}

/** For messages. */
export function describePlan(plan: ExchangePlan): string {
  const { id, method, requestBytes, requestFraming, responseBytes, responseFraming } = plan;
  return `${id} (${method} ${requestBytes} ${requestFraming}, ${plan.clientFate}; ${responseBytes} ${responseFraming}, ${plan.backendFate})`;
}
