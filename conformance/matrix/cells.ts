/**
 * The cells of the matrix: each way in (HTTP/1.1 and HTTP/2, without TLS and with it, and HTTP/3) to each
 * kind of backend. Every cell has a listener and a backend of its own, so that what a backend counts is the
 * cell's; one gateway with one worker serves them all.
 */
import { join } from "node:path";
import { freePort, HOST } from "../../test/support/addresses.ts";
import { writePrivate } from "../../test/support/certificates-files.ts";
import { Gateway, type CleanupScope } from "../../test/support/gateway.ts";
import { h1Listener } from "../../test/support/gateway-config.ts";
import { SecureSite } from "../../test/support/secure-listener.ts";
import { H3Clients } from "../peers/h3-client.ts";
import type { PeerName } from "../peers/peers.ts";
import { type Front, FRONTS, type Reach } from "./client.ts";
import type { Back, Origin } from "./origin.ts";
import { OriginH3 } from "./origin-h3.ts";
import { OriginNode } from "./origin-node.ts";

type Block = Readonly<Record<string, unknown>>;

export interface Cell extends Reach {
  /** `FRONT-BACK`, as in `h2s-h1`. */
  readonly name: string;
  readonly back: Back;
  readonly origin: Origin;
}

export interface Grid {
  readonly gateway: Gateway;
  readonly cells: readonly Cell[];
}

/** Requests at once in the cases of many; a few connections more are there from others. */
export const MANY = 1000;
const CONNECTIONS = 4 * MANY;

/** Enough for `MANY` streams, of which a server lets a hundred be on each connection. */
const QUIC_CONNECTIONS = 16;

type Pair = readonly [Front, Back];

const BACKS: readonly Back[] = ["h1", "h2", "h2s"];

/** Those with HTTP/3 on one side or on both. */
const H3_PAIRS: readonly Pair[] = [
  ["h3", "h1"],
  ["h3", "h2"],
  ["h3", "h2s"],
  ["h3", "h3"],
  ["h1", "h3"],
  ["h1s", "h3"],
  ["h2s", "h3"],
];

/** All of those over TCP, or those with these backends. */
export async function startCells(scope: CleanupScope, backs: readonly Back[] = BACKS): Promise<Grid> {
  return await startPairs(
    scope,
    FRONTS.flatMap((front) => backs.map((back): Pair => [front, back])),
  );
}

/** The cells of HTTP/3, with one peer on the side of HTTP/3, or on both sides. */
export async function startH3Cells(scope: CleanupScope, peer: PeerName): Promise<Grid> {
  return await startPairs(scope, H3_PAIRS, peer);
}

/** Those with HTTP/3 before the gateway, each kind of backend once; the one over HTTP/3 is the peer. */
export async function startFrontCells(scope: CleanupScope, peer: PeerName): Promise<Grid> {
  const backs: readonly Back[] = ["h1", "h2", "h3"];
  return await startPairs(
    scope,
    backs.map((back): Pair => ["h3", back]),
    peer,
  );
}

/** Those with HTTP/3 behind the gateway only, for clients over TCP. */
export async function startBackCells(scope: CleanupScope, peer: PeerName): Promise<Grid> {
  return await startPairs(
    scope,
    FRONTS.map((front): Pair => [front, "h3"]),
    peer,
  );
}

async function startPairs(scope: CleanupScope, pairs: readonly Pair[], peer?: PeerName): Promise<Grid> {
  const site = siteOf(scope);
  const h3 = peer === undefined ? undefined : new H3Clients(scope, peer);
  const cells: Cell[] = [];
  for (const [front, back] of pairs) {
    const origin = await originOf(scope, back, site, peer);
    cells.push({ name: `${front}-${back}`, front, back, port: await freePort(), origin, h3 });
  }
  const listeners = cells.map(({ name, front, back, port, origin }) =>
    listenerOf(site, { name, front, port, backend: backendOf(site, back, origin.address) }),
  );
  return { cells, gateway: await startGateway(scope, listeners) };
}

async function originOf(
  scope: CleanupScope,
  back: Back,
  site: SecureSite,
  peer: PeerName | undefined,
): Promise<Origin> {
  if (back !== "h3") return await OriginNode.start(scope, back, site.identity);
  if (peer === undefined) throw new Error("no peer of HTTP/3");
  return await OriginH3.start(scope, peer, site.paths);
}

export function siteOf(scope: CleanupScope): SecureSite {
  return new SecureSite(scope);
}

/** A backend's block; over TLS and QUIC it must show a certificate of the site's. */
export function backendOf(site: SecureSite, back: Back, address: string): Block {
  const trust = {
    tls_ca_path: writePrivate(site.folder, "ca.crt", site.authority.rootPem),
    tls_verify_hostname: "localhost",
  };
  switch (back) {
    case "h1":
    case "h2":
      return { address, protocol: back };
    case "h2s":
      return { address, protocol: "h2", tls: true, ...trust };
    case "h3":
      return { address, protocol: "h3", ...trust };
  }
}

export interface ListenerSpec {
  readonly name: string;
  readonly front: Front;
  readonly port: number;
  readonly backend: Block;
}

export function listenerOf(site: SecureSite, { name, front, port, backend }: ListenerSpec): Block {
  switch (front) {
    case "h1":
    case "h2":
      return h1Listener(port, [backend], { name });
    case "h1s":
    case "h2s":
      return site.listener(port, [backend], { name });
    case "h3":
      return {
        name,
        address: `${HOST}:${port}`,
        protocol: "quic",
        quic: site.tls({ retry_secret_path: join(site.folder, "retry.secret") }),
        websocket: { h3_extended_connect: true },
        backends: [backend],
      };
  }
}

export async function startGateway(scope: CleanupScope, listeners: readonly Block[]): Promise<Gateway> {
  return await Gateway.start(scope, {
    listeners,
    runtime: { per_ip_connection_cap: CONNECTIONS, max_keepalive_requests: 0 },
    pool: {
      max_per_backend: CONNECTIONS,
      max_pending_per_backend: CONNECTIONS,
      quic_max_per_backend: QUIC_CONNECTIONS,
    },
  });
}
