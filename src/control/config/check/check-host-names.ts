/**
 * Warns of routers for hosts that no certificate of their listeners is for: a client that verifies whom it
 * speaks to does not get there. Only where all of the listeners speak TLS, and only of hosts by name.
 */
import { isIP } from "node:net";
import { parseRule } from "../../../proxy/router/parse-rule.ts";
import { alternativesOf } from "../../../proxy/router/rule-alternatives.ts";
import type { LoadedCertificate } from "../../certificates/certificate-store.ts";
import { isHttpListener, type RouterConfig } from "../gateway-config.ts";
import { quote } from "../quote.ts";
import type { CheckContext } from "./check-context.ts";

/** Hosts that are named in one warning. */
const MAX_NAMED_HOSTS = 3;

/** Once all certificates have been read. */
export function checkHostNames(context: CheckContext, certificates: readonly LoadedCertificate[]): void {
  if (context.issues.hasErrors) return;
  const names = new Map<string, Set<string>>();
  for (const { listener, names: own } of certificates)
    names.set(listener, new Set([...(names.get(listener) ?? []), ...own]));
  for (const [name, router] of Object.entries(context.config.routers)) {
    const listeners = listenersOf(context, router);
    const known =
      listeners === null ? [] : listeners.map((listener) => names.get(listener) ?? new Set<string>());
    const parsed = parseRule(router.rule);
    if (known.length === 0 || "error" in parsed) continue;
    const hosts = [...new Set(hostsOf(parsed.rule))];
    const missing = hosts.filter((host) => isIP(host) === 0 && !known.some((each) => isFor(each, host)));
    if (missing.length > 0) warn(context, name, missing);
  }
}

/** Names; `null`: one of them takes requests without TLS. */
function listenersOf({ config }: CheckContext, router: RouterConfig): readonly string[] | null {
  const served = config.listeners.filter(
    (listener) =>
      isHttpListener(listener) && (router.listeners.length === 0 || router.listeners.includes(listener.name)),
  );
  return served.some(({ protocol }) => protocol === "h1") ? null : served.map(({ name }) => name);
}

function hostsOf(rule: Parameters<typeof alternativesOf>[0]): readonly string[] {
  return alternativesOf(rule).flatMap(({ host }) => (host?.exact === true ? [host.text] : []));
}

/** A wildcard stands for one label (RFC 9525 section 6.3). */
function isFor(names: ReadonlySet<string>, host: string): boolean {
  const dot = host.indexOf(".");
  return names.has(host) || (dot > 0 && names.has(`*${host.slice(dot)}`));
}

function warn({ issues }: CheckContext, name: string, missing: readonly string[]): void {
  const shown = missing.slice(0, MAX_NAMED_HOSTS).map(quote).join(", ");
  const more = missing.length - MAX_NAMED_HOSTS;
  const message = `no certificate of its listeners is for ${shown}${more > 0 ? ` and ${more} more` : ""}`;
  const hint = "clients that verify certificates do not get here";
  issues.warn(["routers", name, "rule"], message, { hint });
}
