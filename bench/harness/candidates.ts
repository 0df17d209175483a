/**
 * Who takes part: the proxies that are asked for and installed, and a gateway for each transport and
 * tree. Whoever is left out is named with the reason; a gateway that cannot take any of the transports
 * that were asked for is an error, as then there is nothing to measure.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { caddy } from "./caddy.ts";
import { expressgateway, refusal, type GatewayTree } from "./expressgateway.ts";
import { haproxy } from "./haproxy.ts";
import { nginx, nginxDefaults } from "./nginx.ts";
import type { ProxyKind } from "./proxy.ts";

const GATEWAY = "expressgateway";

/** Those that are compared with by default; nginx with its own buffering takes part when it is asked for. */
const USUAL: readonly string[] = ["nginx", "haproxy", "caddy", GATEWAY];
/** Beside another commit, nginx is the reference for the machine. */
const USUAL_FOR_COMMITS: readonly string[] = ["nginx", GATEWAY];

export interface Wanted {
  readonly only: readonly string[] | undefined;
  readonly transports: readonly string[];
  /** The work tree, and the commit that it is compared with. */
  readonly trees: readonly GatewayTree[];
}

export function candidates({ only, transports, trees }: Wanted): ProxyKind[] {
  const names = only ?? (trees.length === 1 ? USUAL : USUAL_FOR_COMMITS);
  const others = [nginx, nginxDefaults, haproxy, caddy].filter(({ name }) =>
    names.includes(name.toLowerCase()),
  );
  const gateways = names.includes(GATEWAY) ? trees.flatMap((tree) => gatewaysOf(tree, transports)) : [];
  return [...others, ...gateways].filter(isThere);
}

/** A commit that knows none of the transports still runs on what it chooses for itself. */
function gatewaysOf(tree: GatewayTree, transports: readonly string[]): ProxyKind[] {
  const taken = accepted(tree, transports);
  if (taken.length > 0) return taken.map((transport) => expressgateway(tree, transport));
  if (tree.label === "") throw new Error(`the gateway runs on none of: ${transports.join(", ")}`);
  return [expressgateway(tree, "auto")];
}

function accepted(tree: GatewayTree, transports: readonly string[]): readonly string[] {
  const dir = mkdtempSync(join(tmpdir(), "expressgateway-check-"));
  try {
    return transports.filter((transport) => {
      const reason = transport === "auto" ? undefined : refusal(tree, transport, dir);
      if (reason !== undefined) console.log(`SKIPPED: ExpressGateway${tree.label} (${transport}): ${reason}`);
      return reason === undefined;
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function isThere(kind: ProxyKind): boolean {
  const version = kind.version();
  console.log(version === undefined ? `SKIPPED: ${kind.name} is not installed` : `${kind.name}: ${version}`);
  return version !== undefined;
}
