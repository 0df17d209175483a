/** Which listener a request gets to, by what a client knows: scheme, address and port; or by its name. */
import type { ListenerPlan, Plan } from "../../proxy/plan.ts";
import { servesRequests } from "../../proxy/listener/serves-requests.ts";
import { isIP } from "node:net";
import { knownHint } from "../config/check/known-hint.ts";
import { hostsOverlap } from "../config/hosts-overlap.ts";
import type { AskedRequest } from "./explanation.ts";

export type FoundListener =
  | { readonly kind: "found"; readonly index: number; readonly also: readonly string[] }
  /** What there is does not fit; in words. */
  | { readonly kind: "none"; readonly reason: string }
  /** The question itself is wrong. */
  | { readonly kind: "mistake"; readonly message: string };

export function findListener({ listeners }: Plan, asked: AskedRequest): FoundListener {
  if (asked.listener !== undefined) return byName(listeners, asked.listener, asked);
  const onPort = [...listeners.keys()].filter((index) => isOnPort(listeners[index] as ListenerPlan, asked));
  const fitting = onPort.filter((index) => speaks(listeners[index] as ListenerPlan, asked));
  // Clients begin with TCP, and learn of HTTP/3 from there.
  const [first, ...also] = fitting.toSorted(
    (a, b) => Number(isQuic(listeners[a] as ListenerPlan)) - Number(isQuic(listeners[b] as ListenerPlan)),
  );
  if (first === undefined) return { kind: "none", reason: reasonFor(listeners, onPort, asked) };
  return { kind: "found", index: first, also: also.map((index) => (listeners[index] as ListenerPlan).name) };
}

function byName(listeners: readonly ListenerPlan[], name: string, asked: AskedRequest): FoundListener {
  const index = listeners.findIndex((listener) => listener.name === name);
  const listener = listeners[index];
  if (listener === undefined) {
    const hint = knownHint(
      name,
      listeners.map((each) => each.name),
    );
    return { kind: "mistake", message: `there is no listener "${name}": ${hint}` };
  }
  if (servesRequests(listener) && asked.http !== undefined && (asked.http === "3") !== isQuic(listener)) {
    return { kind: "mistake", message: `listener "${name}" does not speak HTTP/${asked.http}` };
  }
  return { kind: "found", index, also: [] };
}

function isQuic({ quic }: ListenerPlan): boolean {
  return quic !== null;
}

function isOnPort(listener: ListenerPlan, { host, port }: AskedRequest): boolean {
  return (
    listener.port === port &&
    (isIP(host) === 0 || isIP(listener.host) === 0 || hostsOverlap(listener.host, host))
  );
}

function speaks(listener: ListenerPlan, { scheme, http }: AskedRequest): boolean {
  if (http !== undefined && (http === "3") !== isQuic(listener)) return false;
  return scheme === (listener.protocol === "h1" ? "http" : "https");
}

function reasonFor(
  listeners: readonly ListenerPlan[],
  onPort: readonly number[],
  asked: AskedRequest,
): string {
  const [first] = onPort.map((index) => listeners[index] as ListenerPlan);
  if (first === undefined) {
    const known = listeners.map(({ name, address, protocol }) => `${name} (${protocol} on ${address})`);
    const where = isIP(asked.host) === 0 ? "" : ` of ${asked.host}`;
    return `no listener is on port ${asked.port}${where}; there are: ${shortened(known)}`;
  }
  const { name, protocol } = first;
  if (asked.http === "3") return `listener "${name}" on port ${asked.port} is no QUIC listener`;
  if (protocol === "quic")
    return `listener "${name}" on port ${asked.port} takes UDP only: ask with --http 3`;
  return asked.scheme === "http"
    ? `listener "${name}" on port ${asked.port} speaks TLS: a request without it is not answered`
    : `listener "${name}" on port ${asked.port} speaks no TLS: the handshake is not answered`;
}

const MAX_SHOWN = 10;

function shortened(names: readonly string[]): string {
  return names.slice(0, MAX_SHOWN).join(", ") + (names.length > MAX_SHOWN ? ", ..." : "");
}
