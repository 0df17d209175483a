/**
 * The addresses of the backends' host names. The control plane resolves them before a plan is made,
 * looks again in the background, and tells the workers of changes; the data plane never waits for a
 * name. Feature rows A6.5, A20.17.
 *
 * The system's resolver tells no time to live, so each name is looked at every `refreshIntervalMs`.
 * A name that was known once keeps its last addresses for as long as looking fails: serving on old
 * addresses beats not serving. A failure is not repeated for `negativeTtlMs`.
 */
import net from "node:net";
import { type Lookup, LookupQueue, systemLookup } from "./dns-lookup.ts";
import { systemTimers, type Timers } from "./timers.ts";

/** Names that are known at once: those of a running plan and of one that is being prepared. */
export const MAX_DNS_HOSTS = 10_000;

/** Between two background looks at a name that fails, however short a time failures are believed. */
export const MIN_RETRY_MS = 1000;

export interface DnsSettings {
  /** Between two looks at a name in the background. */
  readonly refreshIntervalMs: number;
  /** How long a failure is believed. */
  readonly negativeTtlMs: number;
  /** Age at which an answer is not handed out without a new look. */
  readonly maxTtlMs: number;
  /** For one look. */
  readonly timeoutMs: number;
}

export interface DnsOptions {
  readonly settings: DnsSettings;
  /** The addresses of a name are others than before; their order does not count. */
  readonly changed: (host: string, addresses: readonly string[]) => void;
  /** Looking a name up failed where it did not before. Its last addresses stay in use. */
  readonly failed?: (host: string, reason: string) => void;
  readonly lookup?: Lookup;
  readonly timers?: Timers;
}

interface Entry {
  readonly host: string;
  /** The last answer; empty when there was none. */
  addresses: readonly string[];
  /** When `addresses` were answered; -Infinity: never. */
  answeredMs: number;
  /** When a look last failed; -Infinity: never, or not since the last answer. */
  failedMs: number;
  /** Why it failed; empty when it did not. */
  failure: string;
  /** Looked at in the background. */
  watched: boolean;
  /** The look that is under way. */
  pending: Promise<void> | undefined;
}

const NO_ADDRESSES: readonly string[] = [];

export class DnsCache {
  readonly #settings: DnsSettings;
  readonly #changed: DnsOptions["changed"];
  readonly #failed: DnsOptions["failed"];
  readonly #timers: Timers;
  readonly #queue: LookupQueue;
  readonly #entries = new Map<string, Entry>();
  #hits = 0;
  #misses = 0;
  #running = false;
  #stopped = false;
  #cancelTimer: (() => void) | undefined;
  /** When the timer fires; Infinity: it is not set. */
  #armedMs = Infinity;

  constructor({ settings, changed, failed, lookup = systemLookup, timers = systemTimers }: DnsOptions) {
    this.#settings = settings;
    this.#changed = changed;
    this.#failed = failed;
    this.#timers = timers;
    this.#queue = new LookupQueue(lookup, settings.timeoutMs, timers);
  }

  /** Answers from the cache, lookups, names known. Feature row A18.5. */
  get counters(): { readonly hits: number; readonly misses: number; readonly entries: number } {
    return { hits: this.#hits, misses: this.#misses, entries: this.#entries.size };
  }

  /** Why the last look at a name failed; `undefined` when it did not, or was never made. */
  failure(host: string): string | undefined {
    if (net.isIP(host) !== 0) return undefined;
    const entry = this.#entries.get(host);
    if (entry === undefined)
      return this.#entries.size >= MAX_DNS_HOSTS ? `over ${MAX_DNS_HOSTS} host names` : undefined;
    return entry.failure === "" ? undefined : entry.failure;
  }

  /**
   * The addresses of a name: numeric ones are themselves, known ones come from the cache, others are
   * looked up. Empty when there are none; `failure` tells why. Never rejects.
   */
  async resolve(host: string): Promise<readonly string[]> {
    if (net.isIP(host) !== 0) return [host];
    const entry = this.#entry(host);
    if (entry === undefined) return NO_ADDRESSES;
    if (this.#isFresh(entry)) {
      this.#hits += 1;
      return entry.addresses;
    }
    this.#misses += 1;
    await this.#look(entry);
    return entry.addresses;
  }

  /** The addresses of all names, as `Plan.resolved` holds them. */
  async resolveAll(hosts: Iterable<string>): Promise<Record<string, readonly string[]>> {
    const names = [...new Set(hosts)];
    const answers = await Promise.all(names.map((host) => this.resolve(host)));
    return Object.fromEntries(names.map((host, index) => [host, answers[index] ?? NO_ADDRESSES]));
  }

  /** Begins to look at these names in the background. */
  start(hosts: Iterable<string>): void {
    this.#running = true;
    this.update(hosts);
  }

  /** The names of the plan in effect, after a reload: others are forgotten, new ones are looked at. */
  update(hosts: Iterable<string>): void {
    const wanted = new Set(hosts);
    for (const [host, entry] of this.#entries) {
      if (!wanted.has(host)) this.#entries.delete(host);
      entry.watched = wanted.has(host);
    }
    for (const host of wanted) {
      const entry = net.isIP(host) === 0 ? this.#entry(host) : undefined;
      if (entry !== undefined) entry.watched = true;
    }
    this.#armEarliest();
  }

  /** Ends the background work. What is under way is not reported any more. */
  stop(): void {
    this.#stopped = true;
    this.#running = false;
    this.#disarm();
  }

  /** The entry of a name, a new one when there is room. */
  #entry(host: string): Entry | undefined {
    let entry = this.#entries.get(host);
    if (entry !== undefined || this.#entries.size >= MAX_DNS_HOSTS) return entry;
    entry = {
      host,
      addresses: NO_ADDRESSES,
      answeredMs: -Infinity,
      failedMs: -Infinity,
      failure: "",
      watched: false,
      pending: undefined,
    };
    this.#entries.set(host, entry);
    return entry;
  }

  #isFresh(entry: Entry): boolean {
    const nowMs = this.#timers.nowMs();
    return (
      nowMs - entry.failedMs < this.#settings.negativeTtlMs ||
      nowMs - entry.answeredMs < this.#settings.maxTtlMs
    );
  }

  /** Looks a name up; who asks while that is under way waits for the same answer. */
  #look(entry: Entry): Promise<void> {
    entry.pending ??= this.#ask(entry).finally(() => {
      entry.pending = undefined;
      this.#armBy(this.#dueMs(entry));
    });
    return entry.pending;
  }

  async #ask(entry: Entry): Promise<void> {
    const first = entry.answeredMs === -Infinity && entry.failedMs === -Infinity;
    const result = await this.#queue.ask(entry.host);
    const current = this.#entries.get(entry.host) === entry && !this.#stopped;
    if (result.kind === "failure") {
      const known = entry.failure === result.reason;
      entry.failedMs = this.#timers.nowMs();
      entry.failure = result.reason;
      if (!known && current) this.#failed?.(entry.host, result.reason);
      return;
    }
    entry.answeredMs = this.#timers.nowMs();
    entry.failedMs = -Infinity;
    entry.failure = "";
    if (sameAddresses(entry.addresses, result.addresses)) return;
    entry.addresses = result.addresses;
    if (!first && current) this.#changed(entry.host, result.addresses);
  }

  /** When a name is to be looked at in the background. */
  #dueMs(entry: Entry): number {
    if (!entry.watched || entry.pending !== undefined) return Infinity;
    if (entry.failedMs !== -Infinity)
      return entry.failedMs + Math.max(MIN_RETRY_MS, this.#settings.negativeTtlMs);
    return entry.answeredMs + this.#settings.refreshIntervalMs;
  }

  #refreshDue(): void {
    const nowMs = this.#timers.nowMs();
    for (const entry of this.#entries.values()) if (this.#dueMs(entry) <= nowMs) void this.#look(entry);
    this.#armEarliest();
  }

  /** One timer serves all names. */
  #armEarliest(): void {
    this.#disarm();
    let dueMs = Infinity;
    for (const entry of this.#entries.values()) dueMs = Math.min(dueMs, this.#dueMs(entry));
    this.#armBy(dueMs);
  }

  /** Sets the timer to `dueMs` unless it fires before. */
  #armBy(dueMs: number): void {
    if (!this.#running || dueMs >= this.#armedMs) return;
    this.#disarm();
    this.#armedMs = dueMs;
    const delayMs = Math.max(0, dueMs - this.#timers.nowMs());
    this.#cancelTimer = this.#timers.after(delayMs, () => this.#refreshDue());
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#armedMs = Infinity;
  }
}

/** Whether two lists without repetitions hold the same addresses. */
function sameAddresses(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  const known = new Set(a);
  return b.every((address) => known.has(address));
}
