/**
 * The cells of the matrix: each way in (HTTP/1.1 and HTTP/2, without TLS and with it) to each kind of
 * backend. Every cell has a listener and a backend of its own, so that what a backend counts is the cell's;
 * one gateway with one worker serves them all.
 */
import { freePort } from "../../test/support/addresses.ts";
import { writePrivate } from "../../test/support/certificates-files.ts";
import { Gateway, type CleanupScope } from "../../test/support/gateway.ts";
import { h1Listener } from "../../test/support/gateway-config.ts";
import { SecureSite } from "../../test/support/secure-listener.ts";
import { type Front, FRONTS } from "./client.ts";
import { type Back, Origin } from "./origin.ts";

type Block = Readonly<Record<string, unknown>>;

export interface Cell {
  /** `FRONT-BACK`, as in `h2s-h1`. */
  readonly name: string;
  readonly front: Front;
  readonly back: Back;
  readonly port: number;
  readonly origin: Origin;
}

export interface Grid {
  readonly gateway: Gateway;
  readonly cells: readonly Cell[];
}

/** Requests at once in the cases of many; a few connections more are there from others. */
export const MANY = 1000;
const CONNECTIONS = 4 * MANY;

const BACKS: readonly Back[] = ["h1", "h2", "h2s"];

/** All of them, or those with these backends. */
export async function startCells(scope: CleanupScope, backs: readonly Back[] = BACKS): Promise<Grid> {
  const site = siteOf(scope);
  const ca = writePrivate(site.folder, "ca.crt", site.authority.rootPem);
  const trust = { tls: true, tls_ca_path: ca, tls_verify_hostname: "localhost" };
  const cells: Cell[] = [];
  for (const front of FRONTS) {
    for (const back of backs) {
      const origin = await Origin.start(scope, back, site.identity);
      cells.push({ name: `${front}-${back}`, front, back, port: await freePort(), origin });
    }
  }
  const listeners = cells.map(({ name, front, back, port, origin }) => {
    const keys = { address: origin.address, protocol: back === "h1" ? "h1" : "h2" };
    return listenerOf(site, { name, front, port, backend: back === "h2s" ? { ...keys, ...trust } : keys });
  });
  return { cells, gateway: await startGateway(scope, listeners) };
}

export function siteOf(scope: CleanupScope): SecureSite {
  return new SecureSite(scope);
}

export interface ListenerSpec {
  readonly name: string;
  readonly front: Front;
  readonly port: number;
  readonly backend: Block;
}

export function listenerOf(site: SecureSite, { name, front, port, backend }: ListenerSpec): Block {
  const secure = front === "h1s" || front === "h2s";
  return secure ? site.listener(port, [backend], { name }) : h1Listener(port, [backend], { name });
}

export async function startGateway(scope: CleanupScope, listeners: readonly Block[]): Promise<Gateway> {
  return await Gateway.start(scope, {
    listeners,
    runtime: { per_ip_connection_cap: CONNECTIONS, max_keepalive_requests: 0 },
    pool: { max_per_backend: CONNECTIONS, max_pending_per_backend: CONNECTIONS },
  });
}
