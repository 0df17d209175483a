/**
 * The certificates of a QUIC listener made into contexts of the engine, and which one a client gets. Made when
 * a generation is compiled; connections keep the one that they began with.
 *
 * A raw proxy speaks whatever its clients offer first, so its contexts are made as protocols come up: QUIC
 * has no handshake without ALPN (RFC 9001 section 8.1), and an engine takes no protocol but those it was told.
 */
import { assert } from "../../base/assert.ts";
import type { QuicServerContext, QuicServerSettings } from "../../fastpath/quic-engine.ts";
import type { QuicIdentityPlan, QuicPlan } from "../quic-plan.ts";

/** What makes contexts: the QUIC of the worker. */
export interface QuicServers {
  /** Throws an `Error` in words: the engine refuses the settings, or there is none on this machine. */
  serverContext(settings: QuicServerSettings): QuicServerContext;
}

/** Protocols that a raw proxy keeps contexts for, over all identities; clients can offer any number of them. */
const MAX_RAW_CONTEXTS = 64;

/** What a raw proxy's identities are tried with, so that a bad one is found out with the plan. */
const TRIAL_PROTOCOL = "h3";

/** Which of the identities is for a name; the first for those that none is for. See `TlsCertificate.names`. */
class IdentityNames {
  readonly #exact = new Map<string, number>();
  readonly #wildcard = new Map<string, number>();

  constructor(identities: readonly QuicIdentityPlan[]) {
    identities.forEach(({ names }, index) => {
      for (const name of names) {
        const isWildcard = name.startsWith("*.");
        const [known, key] = isWildcard ? [this.#wildcard, name.slice(1)] : [this.#exact, name];
        if (!known.has(key)) known.set(key, index);
      }
    });
  }

  indexOf(serverName: string): number {
    const dot = serverName.indexOf(".");
    const parent = dot > 0 ? serverName.slice(dot) : "";
    return this.#exact.get(serverName) ?? this.#wildcard.get(parent) ?? 0;
  }
}

export class QuicContexts {
  readonly #servers: QuicServers;
  readonly #plan: QuicPlan;
  readonly #names: IdentityNames;
  /** One for each identity; of a raw proxy none. */
  readonly #fixed: readonly QuicServerContext[];
  /** Of a raw proxy, by identity and protocol, the oldest first. */
  readonly #raw = new Map<string, QuicServerContext>();

  /** Throws an `Error` in words. */
  constructor(servers: QuicServers, plan: QuicPlan) {
    assert(plan.identities.length > 0, "a QUIC listener without a certificate");
    this.#servers = servers;
    this.#plan = plan;
    this.#names = new IdentityNames(plan.identities);
    const alpn = plan.alpn.length === 0 ? [TRIAL_PROTOCOL] : plan.alpn;
    const made = plan.identities.map((identity) => this.#make(identity, alpn));
    this.#fixed = plan.alpn.length === 0 ? [] : made;
  }

  /** For a client that asks for this name (lower-case, or empty) and offers these protocols; `null`: there is none. */
  choose(serverName: string, applicationProtocols: readonly string[]): QuicServerContext | null {
    const index = this.#names.indexOf(serverName);
    if (this.#plan.alpn.length > 0) return this.#fixed[index] ?? null;
    const [first] = applicationProtocols;
    return first === undefined ? null : this.#rawContext(index, first);
  }

  #rawContext(index: number, protocol: string): QuicServerContext | null {
    const key = `${index} ${protocol}`;
    const known = this.#raw.get(key);
    if (known !== undefined) return known;
    const identity = this.#plan.identities[index];
    const made = identity === undefined ? null : this.#tryMake(identity, protocol);
    if (made === null) return null;
    this.#raw.set(key, made);
    if (this.#raw.size > MAX_RAW_CONTEXTS) {
      for (const oldest of this.#raw.keys()) {
        this.#raw.delete(oldest);
        break;
      }
    }
    return made;
  }

  /** The identity is good, so it is the protocol that the engine does not take: octets that are no text, for one. */
  #tryMake(identity: QuicIdentityPlan, protocol: string): QuicServerContext | null {
    try {
      return this.#make(identity, [protocol]);
    } catch {
      return null;
    }
  }

  #make(identity: QuicIdentityPlan, alpn: readonly string[]): QuicServerContext {
    const { transport, ticketKey, earlyData, keyLogPath } = this.#plan;
    try {
      return this.#servers.serverContext({ transport, alpn, identity, ticketKey, earlyData, keyLogPath });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`the certificate for ${identity.names.join(", ") || "any name"}: ${reason}`, {
        cause: error,
      });
    }
  }
}
