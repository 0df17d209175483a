/**
 * The numeric addresses of backend host names, as the control plane resolved them. Workers never
 * ask DNS: they use the last good answer that they were given.
 */
import { isIP } from "node:net";

export class AddressBook {
  readonly #byHost = new Map<string, readonly string[]>();

  set(host: string, addresses: readonly string[]): void {
    this.#byHost.set(host, addresses);
  }

  /**
   * Takes the answers that a plan was made with. A host that is known already keeps what it has: it
   * was told of every change since, which the plan may have missed. Hosts of no plan are forgotten.
   */
  adopt(resolved: Readonly<Record<string, readonly string[]>>): void {
    for (const host of this.#byHost.keys()) if (!Object.hasOwn(resolved, host)) this.#byHost.delete(host);
    for (const [host, addresses] of Object.entries(resolved)) {
      if (!this.#byHost.has(host)) this.#byHost.set(host, addresses);
    }
  }

  /** How many addresses a host has. */
  count(host: string): number {
    return this.#byHost.get(host)?.length ?? 1;
  }

  /** The address to dial as number `turn`, so that all addresses of a name take their turn; `null`: none is known. */
  next(host: string, turn: number): string | null {
    if (host.startsWith("/") || isIP(host) !== 0) return host;
    const addresses = this.#byHost.get(host);
    if (addresses === undefined || addresses.length === 0) return null;
    return addresses[turn % addresses.length] as string;
  }
}
