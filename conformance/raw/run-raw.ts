/**
 * Raw QUIC through the gateway's relay (`[listeners.quic.raw_proxy]`), with aioquic and quic-go as client and as
 * backend: each pair of them, all cases. Feature row A10.7. What goes through is theirs on both sides, so
 * that none of it is read or written by parts of the gateway alone.
 */
import { freePort, HOST } from "../../test/support/addresses.ts";
import { Gateway, type CleanupScope } from "../../test/support/gateway.ts";
import { SecureSite } from "../../test/support/secure-listener.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { problemOf } from "../matrix/matrix-case.ts";
import type { PeerName } from "../peers/peers.ts";
import { type RawListen, RawPeer } from "../peers/raw-peer.ts";
import { CONNECTIONS, SEVERAL, STALLED_WINDOW_BYTES } from "./connections.ts";
import { ENDINGS } from "./endings.ts";
import type { RawCase } from "./raw-case.ts";
import { PROTOCOLS, type RawWays } from "./raw-cell.ts";
import { STREAMS } from "./streams.ts";

type Block = Readonly<Record<string, unknown>>;

const PEERS: readonly PeerName[] = ["aioquic", "quic-go"];
const CASES: readonly RawCase[] = [...STREAMS, ...ENDINGS, ...CONNECTIONS];

const CASE_TIMEOUT_MS = 25_000;
const WINDOW_BYTES = 1024 * 1024;

/** Of nobody that has a certificate. */
const ANOTHER_NAME = "else.example";

interface Side {
  readonly server: RawPeer;
  readonly ways: RawWays;
  readonly listeners: readonly Block[];
}

export async function runRaw(scope: CleanupScope): Promise<CaseResult[]> {
  const site = new SecureSite(scope);
  const sides: Side[] = [];
  for (const name of PEERS) sides.push(await startSide(scope, site, name));
  const listeners = sides.flatMap((side) => side.listeners);
  const gateway = await Gateway.start(scope, { listeners });
  const results = await Promise.all(sides.map((side) => playSide(scope, side)));
  gateway.assertAlive();
  await gateway.stop();
  return results.flat();
}

/** The pairs of one server follow each other. */
async function playSide(scope: CleanupScope, { server, ways }: Side): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const peer of PEERS) {
    const client = RawPeer.client(scope, peer);
    for (const { name, play } of CASES) {
      const problem = await problemOf(name, play({ client, server, ways }), CASE_TIMEOUT_MS);
      client.closeAll();
      results.push({ id: `${peer}-${server.name}/${name}`, problem });
    }
  }
  return results;
}

async function startSide(scope: CleanupScope, site: SecureSite, name: PeerName): Promise<Side> {
  const ways = {
    one: await freePort(),
    several: await freePort(),
    misnamed: await freePort(),
    stalled: await freePort(),
  };
  const listen: RawListen[] = [];
  for (let i = 0; i < SEVERAL; i++)
    listen.push({ port: await freePort(), window: WINDOW_BYTES, hold: false });
  const stalled = { port: await freePort(), window: STALLED_WINDOW_BYTES, hold: true };
  const certificate = site.paths;
  const server = await RawPeer.server(scope, name, {
    certificate,
    alpn: PROTOCOLS,
    listen: [...listen, stalled],
  });
  const several = listen.map(({ port }) => `${HOST}:${port}`);
  const one = { backend_addr: several[0] };
  const to = (way: keyof RawWays, more: Block): Block => listenerOf(site, `${name}-${way}`, ways[way], more);
  return {
    server,
    ways,
    listeners: [
      to("one", one),
      to("several", { backends: several }),
      to("misnamed", { ...one, sni: ANOTHER_NAME }),
      to("stalled", { backend_addr: `${HOST}:${stalled.port}` }),
    ],
  };
}

function listenerOf(site: SecureSite, name: string, port: number, rawProxy: Block): Block {
  const trusted = { sni: "localhost", backend_ca_path: site.caFile() };
  return site.quicListener(port, [], { raw_proxy: { ...trusted, ...rawProxy } }, { name });
}
