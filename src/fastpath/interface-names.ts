/**
 * Names and indices of the machine's network interfaces. Node.js spells the scope of a link-local address
 * (RFC 4007) by name, records and paths have its index. `dgram-udp.ts` asks.
 */
import { networkInterfaces } from "node:os";
import type { Clock } from "../base/clock.ts";

/** A name or index that is not known is looked for again after this, as interfaces come and go. */
const LOOK_AGAIN_MS = 1000;

export class InterfaceNames {
  readonly #clock: Clock;
  #indices = new Map<string, number>();
  #names = new Map<number, string>();
  #lookedMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0: there is none with a link-local address. */
  indexOf(name: string): number {
    if (!this.#indices.has(name)) this.#look();
    return this.#indices.get(name) ?? 0;
  }

  /** The number itself where there is none of that index: what is sent there fails. */
  nameOf(index: number): string {
    if (!this.#names.has(index)) this.#look();
    return this.#names.get(index) ?? `${index}`;
  }

  #look(): void {
    const { nowMs } = this.#clock;
    if (nowMs - this.#lookedMs < LOOK_AGAIN_MS) return;
    this.#lookedMs = nowMs;
    this.#indices = new Map();
    this.#names = new Map();
    for (const [name, addresses] of Object.entries(networkInterfaces())) {
      for (const each of addresses ?? []) {
        if (each.family !== "IPv6" || each.scopeid === undefined || each.scopeid === 0) continue;
        this.#indices.set(name, each.scopeid);
        this.#names.set(each.scopeid, name);
      }
    }
  }
}
