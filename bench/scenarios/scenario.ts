/** What a scenario is, as data; each protocol has a file of them. `play/` plays them. */
import type { Driver } from "../harness/driver.ts";
import type { Load } from "../harness/load.ts";
import type { TlsSetup } from "../harness/proxy.ts";

export interface RequestScenario {
  readonly kind: "requests";
  readonly name: string;
  readonly title: string;
  readonly load: Load;
  /** What sends it. */
  readonly driver: Driver;
  readonly connections: number;
  /** `reading` for request bodies: nginx as a backend answers before it has read them. */
  readonly backends: "static" | "reading";
  /** Key of the certificate that clients are shown; without it there is no TLS. */
  readonly tls?: TlsSetup["key"];
  /** KiB of body in a request, both ways together, where they are the point. */
  readonly bodyKib?: number;
  /** Default 1. */
  readonly workers?: number;
  /** Idle connections beside the busy ones. */
  readonly idleConnections?: number;
  readonly routes?: number;
  readonly logs?: "all";
}

/** Memory of idle connections. */
export interface IdleScenario {
  readonly kind: "idle";
  readonly name: string;
  readonly title: string;
  readonly connections: number;
}

export type Scenario = RequestScenario | IdleScenario;

/** A request for a small answer, as in most API traffic. */
export const SMALL: Load = { kind: "get", path: "/bench?small=1" };

/** The scenarios of these names, in their own order. Throws for a name that there is not. */
export function chosenScenarios(
  scenarios: readonly Scenario[],
  names: readonly string[],
): readonly Scenario[] {
  if (names.includes("all")) return scenarios;
  const wrong = names.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (wrong !== undefined) throw new Error(`there is no scenario ${wrong}: see --scenario list`);
  return scenarios.filter(({ name }) => names.includes(name));
}
