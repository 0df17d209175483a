/**
 * An HTTP/3 client of a `DownstreamH3`, over QUIC in memory. Nothing happens but in `turn`, which goes on until
 * nothing is left to be done.
 */
import assert from "node:assert/strict";
import { DownstreamH3 } from "../../src/proxy/downstream/downstream-h3.ts";
import { StreamPool } from "../../src/proxy/downstream/stream-pool.ts";
import type { ListenerCurrent } from "../../src/proxy/listener/listener-current.ts";
import type { ServingListener } from "../../src/proxy/listener/serving-listener.ts";
import type { QuicPlan } from "../../src/proxy/quic-plan.ts";
import { RouteRequest } from "../../src/proxy/router/route-input.ts";
import { RequestHead } from "../../src/wire/http/message.ts";
import { CodecH3Client } from "./codec-h3-client.ts";
import type { MemoryGateway } from "./memory-gateway.ts";
import { QUIC } from "./memory-plan.ts";
import { MemoryQuic, type MemoryQuicOptions } from "./memory-quic.ts";

/** A listener for HTTP/3 beside the gateway's own: same routes, same counters. */
export class MemoryH3Listener implements ServingListener {
  readonly view = new RouteRequest(new RequestHead());
  readonly streams: StreamPool;
  /** A reload changes it. */
  quic: QuicPlan;
  readonly #gateway: MemoryGateway;

  constructor(gateway: MemoryGateway, quic: Partial<QuicPlan> = {}) {
    this.streams = new StreamPool(gateway.context);
    this.#gateway = gateway;
    this.quic = { ...QUIC, ...quic };
  }

  get current(): ListenerCurrent {
    const { current } = this.#gateway.socket;
    const { runtime } = current;
    return { ...current, runtime: { ...runtime, plan: { ...runtime.plan, quic: this.quic } } };
  }
}

export interface H3ClientSpec {
  readonly listener?: MemoryH3Listener;
  readonly net?: MemoryQuicOptions;
  /** The handshake is not complete; `completeHandshake` completes it. */
  readonly early?: boolean;
}

export class MemoryH3Client extends CodecH3Client {
  readonly net: MemoryQuic;
  readonly server: DownstreamH3;
  readonly #gateway: MemoryGateway;

  constructor(gateway: MemoryGateway, { listener, net = {}, early = false }: H3ClientSpec = {}) {
    super();
    this.#gateway = gateway;
    this.net = new MemoryQuic({ applicationProtocol: "h3", serverName: "app.example", ...net });
    this.net.client.owner = this;
    this.net.client.held = this.net.server.early = early;
    this.net.server.established = !early;
    this.server = new DownstreamH3({
      context: gateway.context,
      listener: listener ?? new MemoryH3Listener(gateway),
      link: this.net.server,
    });
    this.net.server.owner = this.server;
    this.begin(this.net.client, gateway.clock);
    this.turn();
  }

  /** Until nothing is left to be done on either side. */
  override turn(): this {
    const { transport } = this.#gateway;
    for (let moved = true; moved;) {
      this.connection.flush();
      moved = this.net.client.turn();
      moved = this.net.server.turn() || moved;
      transport.pump();
    }
    return this;
  }

  completeHandshake(): this {
    this.net.client.held = this.net.server.early = false;
    return this.turn();
  }

  /** Lets time pass. */
  advance(byMs: number): this {
    this.turn();
    this.#gateway.advance(byMs);
    return this.turn();
  }
}

/** Everybody leaves; nothing may be left of them. */
export function assertCleanH3(gateway: MemoryGateway, ...clients: MemoryH3Client[]): void {
  for (const client of clients) {
    client.close().turn();
    assert.equal(client.net.unreadBytes, 0);
  }
  for (const slot of ["h3_downstream_connections", "h3_downstream_streams"] as const)
    assert.equal(gateway.global(slot), 0, slot);
  gateway.advance(70_000);
  gateway.stop();
  assert.deepEqual(gateway.gauges, {});
}
