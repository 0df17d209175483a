/**
 * The moment in which an exchange becomes a tunnel. Called by the downstream adapters in `tunnelOpened`,
 * when the client has been told; from then on each adapter talks to the tunnel as to the other side.
 */
import { assert } from "../../base/assert.ts";
import { WEBSOCKET } from "../../wire/ws/handshake.ts";
import { type Exchange, Phase } from "../exchange/exchange.ts";
import type { WorkerContext } from "../worker-context.ts";
import { RawTunnel } from "./raw-tunnel.ts";
import type { Tunnel } from "./tunnel.ts";
import { WebSocketTunnel } from "./websocket-tunnel.ts";

export function openTunnel(context: WorkerContext, exchange: Exchange): Tunnel {
  const { upstream } = exchange;
  assert(upstream !== null, "a tunnel has an upstream");
  const tunnel =
    exchange.request.upgrade === WEBSOCKET
      ? new WebSocketTunnel(context, exchange, upstream)
      : new RawTunnel(context, exchange, upstream);
  exchange.responseStarted = true;
  exchange.phase = Phase.tunnel;
  exchange.tunnel = tunnel;
  exchange.upstream = tunnel;
  exchange.downstream = tunnel;
  return tunnel;
}
