/** Hosts to listen on: which addresses are the same, and which are part of others. */

export const ALL_IPV4 = "0.0.0.0";
export const ALL_ADDRESSES = "::";

/** One spelling for each address: IPv6 in its shortest form (RFC 5952). */
export function canonicalHost(host: string): string {
  return host.includes(":") ? new URL(`http://[${host}]/`).hostname.slice(1, -1) : host;
}

/** The wildcards that a canonical address falls under, itself not among them; the IPv6 one takes IPv4, too. */
export function coveringHosts(host: string): readonly string[] {
  if (host === ALL_ADDRESSES) return [];
  return host === ALL_IPV4 || host.includes(":") ? [ALL_ADDRESSES] : [ALL_IPV4, ALL_ADDRESSES];
}

/** Whether some address belongs to both. Neither is empty or a name, but for `localhost`. */
export function hostsOverlap(one: string, other: string): boolean {
  const a = canonicalHost(one);
  const b = canonicalHost(other);
  return a === b || coveringHosts(a).includes(b) || coveringHosts(b).includes(a);
}
