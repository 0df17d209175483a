/** The names that a certificate is for, from its subject alternative names (RFC 5280 section 4.2.1.6). */
import type { X509Certificate } from "node:crypto";

export interface SubjectNames {
  /** Lower case, without trailing dot; `*.` begins a wildcard. */
  readonly dns: readonly string[];
  readonly addresses: readonly string[];
}

/** One entry as Node.js writes it: values with special characters stand in quotes, as JSON. */
const ENTRY = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g;

/** A name or a wildcard in the only form that is matched: the asterisk is the whole first label (RFC 9525 section 6.3). */
const DNS_NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;

export function subjectNames({ subjectAltName }: Pick<X509Certificate, "subjectAltName">): SubjectNames {
  const dns = new Set<string>();
  const addresses = new Set<string>();
  for (const [, kind, written = ""] of (subjectAltName ?? "").matchAll(ENTRY)) {
    const value = written.startsWith('"') ? unquoted(written) : written;
    if (kind === "IP Address") addresses.add(value);
    const name = value.toLowerCase().replace(/\.$/, "");
    if (kind === "DNS" && DNS_NAME.test(name)) dns.add(name);
  }
  return { dns: [...dns], addresses: [...addresses] };
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return "";
  }
}
