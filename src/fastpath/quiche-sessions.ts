/**
 * The TLS sessions that a client remembers, so that later connections to the same address resume
 * (RFC 8446 section 2.2). One context has one store.
 */
import { formatIp } from "../base/ip.ts";
import type { UdpAddress } from "./udp.ts";

/** Addresses that a context remembers a session of; a session takes about 2 KiB. Beyond, the oldest is forgotten. */
export const MAX_SESSIONS = 256;

export class QuicheSessions {
  readonly #sessions = new Map<string, Uint8Array>();

  of(address: UdpAddress): Uint8Array | undefined {
    return this.#sessions.get(keyOf(address));
  }

  /** Only of connections that passed all checks: who resumes is not checked again. */
  remember(address: UdpAddress, session: Uint8Array): void {
    const key = keyOf(address);
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    if (this.#sessions.size <= MAX_SESSIONS) return;
    for (const oldest of this.#sessions.keys()) {
      this.#sessions.delete(oldest);
      break;
    }
  }
}

function keyOf(address: UdpAddress): string {
  return `${formatIp(address.words)} ${address.port}`;
}
