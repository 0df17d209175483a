/**
 * One look at a host name: the resolver of the system behind a bounded queue and a time limit. The
 * cache (`dns.ts`) asks, and gets an answer or a reason as a value.
 */
import dns from "node:dns";
import net from "node:net";
import type { Timers } from "./timers.ts";

/** Gives the numeric addresses of a name; rejects, with an errno-like `code`, when there are none. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export type LookupResult =
  | { readonly kind: "answer"; readonly addresses: readonly string[] }
  | { readonly kind: "failure"; readonly reason: string };

/** Names asked for at once: above what the runtime's thread pool runs in parallel, so that it never starves. */
export const MAX_CONCURRENT_LOOKUPS = 8;

/** Addresses taken from one answer: more backends than one name should stand for. */
export const MAX_ADDRESSES_PER_HOST = 1024;

/**
 * getaddrinfo, so that /etc/hosts and nsswitch.conf count, in the order of the answer. It tells no
 * time to live.
 */
export async function systemLookup(host: string): Promise<readonly string[]> {
  const records = await dns.promises.lookup(host, { all: true, order: "verbatim" });
  return records.map((record) => record.address);
}

export class LookupQueue {
  readonly #lookup: Lookup;
  readonly #timeoutMs: number;
  readonly #timers: Timers;
  #free = MAX_CONCURRENT_LOOKUPS;
  readonly #waiting: (() => void)[] = [];
  /** Lookups that have not ended, those that nobody waits for any more included. */
  readonly #running = new Map<string, Promise<LookupResult>>();

  constructor(lookup: Lookup, timeoutMs: number, timers: Timers) {
    this.#lookup = lookup;
    this.#timeoutMs = timeoutMs;
    this.#timers = timers;
  }

  /** Never rejects. The time limit starts when the lookup does, not while it waits for its turn. */
  async ask(host: string): Promise<LookupResult> {
    await this.#turn();
    const result = await this.#timed(host);
    this.#release();
    return result;
  }

  async #turn(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The place goes to who waits longest. */
  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }

  #timed(host: string): Promise<LookupResult> {
    return new Promise((resolve) => {
      const cancel = this.#timers.after(this.#timeoutMs, () => {
        resolve({ kind: "failure", reason: `no answer within ${this.#timeoutMs} ms` });
      });
      void this.#run(host).then((result) => {
        cancel();
        resolve(result);
      });
    });
  }

  /**
   * The system's lookup cannot be called off. One that ran out of time goes on, and asking again
   * joins it, so that a dead name server holds at most one lookup for each name.
   */
  #run(host: string): Promise<LookupResult> {
    const running = this.#running.get(host);
    if (running !== undefined) return running;
    const started = resultOf(this.#lookup, host).finally(() => this.#running.delete(host));
    this.#running.set(host, started);
    return started;
  }
}

async function resultOf(lookup: Lookup, host: string): Promise<LookupResult> {
  try {
    const addresses = usableAddresses(await lookup(host));
    return addresses.length === 0
      ? { kind: "failure", reason: "no addresses" }
      : { kind: "answer", addresses };
  } catch (error) {
    return { kind: "failure", reason: reasonOf(error) };
  }
}

function usableAddresses(addresses: readonly string[]): readonly string[] {
  const numeric = addresses.filter((address) => net.isIP(address) !== 0);
  return [...new Set(numeric)].slice(0, MAX_ADDRESSES_PER_HOST);
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOTFOUND") return "unknown host name (ENOTFOUND)";
  if (code === "EAI_AGAIN") return "the name server does not answer (EAI_AGAIN)";
  if (code !== "") return code;
  return error instanceof Error ? error.message : String(error);
}
