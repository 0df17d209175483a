/**
 * The keys of session tickets (RFC 5077 section 4), for each listener its own: made here, used by all
 * workers alike, so that a client resumes on whichever worker it meets. A key encrypts for one interval
 * and decrypts for the overlap that follows. They live in memory only, and outlive reloads as long as
 * the listener is there. Feature row A3.5.
 */
import { randomBytes } from "node:crypto";
import { TICKET_KEY_BYTES } from "../../fastpath/tls.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { Timers } from "../timers.ts";

/** Keys of one listener at once. Each costs a comparison of 16 octets for every ticket that is shown. */
export const MAX_TICKET_KEYS = 32;

export interface TicketKeysOptions {
  readonly timers: Timers;
  /** A listener has other keys from now on. */
  readonly changed: (listenerAddress: string, keys: readonly Uint8Array[]) => void;
  /** A new key has come into use. */
  readonly rotated: () => void;
  readonly random?: (size: number) => Uint8Array;
}

interface Schedule {
  readonly intervalMs: number;
  readonly overlapMs: number;
}

interface AgingKey {
  readonly key: Uint8Array;
  /** When it stopped to encrypt, on the clock of `timers`; `Infinity`: it still does. */
  retiredMs: number;
}

interface Ring {
  /** The first encrypts. */
  keys: AgingKey[];
  /** When its first key came into use. */
  rotatedMs: number;
  schedule: Schedule;
  cancel: () => void;
}

export class TicketKeys {
  readonly #options: TicketKeysOptions;
  readonly #rings = new Map<string, Ring>();

  constructor(options: TicketKeysOptions) {
    this.#options = options;
  }

  /** The keys of a listener, made when there are none yet. */
  of(listenerAddress: string): readonly Uint8Array[] {
    return bytesOf(this.#rings.get(listenerAddress) ?? this.#add(listenerAddress));
  }

  /** The configuration is in effect: its intervals count, and listeners that it has not are forgotten. */
  adopt(config: GatewayConfig): void {
    const kept = new Set<string>();
    for (const { address, tls } of config.listeners) {
      if (tls === undefined) continue;
      kept.add(address);
      const ring = this.#rings.get(address) ?? this.#add(address);
      ring.schedule = {
        intervalMs: tls.ticket_rotation_interval_seconds * 1000,
        overlapMs: tls.ticket_rotation_overlap_seconds * 1000,
      };
      this.#wait(address, ring);
    }
    for (const [address, ring] of this.#rings) {
      if (kept.has(address)) continue;
      ring.cancel();
      this.#rings.delete(address);
    }
  }

  stop(): void {
    for (const ring of this.#rings.values()) ring.cancel();
  }

  #add(address: string): Ring {
    const ring: Ring = {
      keys: [this.#fresh()],
      rotatedMs: this.#options.timers.nowMs(),
      schedule: { intervalMs: Infinity, overlapMs: 0 },
      cancel: () => {},
    };
    this.#rings.set(address, ring);
    return ring;
  }

  #fresh(): AgingKey {
    const random = this.#options.random ?? randomBytes;
    return { key: new Uint8Array(random(TICKET_KEY_BYTES)), retiredMs: Infinity };
  }

  /** Until the next key is due, or an old one is to go. */
  #wait(address: string, ring: Ring): void {
    const { timers } = this.#options;
    const { intervalMs, overlapMs } = ring.schedule;
    const oldest = ring.keys.at(-1)?.retiredMs ?? Infinity;
    const dueMs = Math.min(ring.rotatedMs + intervalMs, oldest + overlapMs);
    ring.cancel();
    ring.cancel = timers.after(Math.max(0, dueMs - timers.nowMs()), () => this.#turn(address, ring));
  }

  #turn(address: string, ring: Ring): void {
    const nowMs = this.#options.timers.nowMs();
    const { intervalMs, overlapMs } = ring.schedule;
    const [current] = ring.keys;
    const isDue = nowMs >= ring.rotatedMs + intervalMs;
    if (isDue) {
      if (current !== undefined) current.retiredMs = nowMs;
      ring.keys = [this.#fresh(), ...ring.keys].slice(0, MAX_TICKET_KEYS);
      ring.rotatedMs = nowMs;
    }
    const kept = ring.keys.filter(({ retiredMs }) => nowMs < retiredMs + overlapMs);
    // A timer may be early by a moment; then nothing has changed yet.
    const isChanged = isDue || kept.length < ring.keys.length;
    ring.keys = kept;
    if (isDue) this.#options.rotated();
    if (isChanged) this.#options.changed(address, bytesOf(ring));
    this.#wait(address, ring);
  }
}

function bytesOf({ keys }: Ring): readonly Uint8Array[] {
  return keys.map(({ key }) => key);
}
