/**
 * A downstream that only records, for tests of the upstream side by itself: the test says whether it
 * takes the response, and sends the request body by hand.
 */
import assert from "node:assert/strict";
import type { Fault } from "../../src/base/fault.ts";
import { type Exchange, type ResponseSink } from "../../src/proxy/exchange/exchange.ts";
import type { Backend } from "../../src/proxy/upstream/backend.ts";
import { Fields } from "../../src/wire/http/fields.ts";
import { exchangeOf } from "./memory-exchange.ts";
import type { MemoryGateway } from "./memory-gateway.ts";

export class RecordingSink implements ResponseSink {
  readonly exchange: Exchange;
  /** In order: `103`, `200`, `tunnel`, `end`, `upstream_closed`, ... */
  readonly events: string[] = [];
  /** Trailers of the response, once it is whole. */
  trailers: [string, string][] = [];
  fault: Fault | null = null;
  /** How often the request body was asked for. */
  resumed = 0;
  /** False: `writeResponse` asks for a pause. */
  takes = true;
  readonly #body: Buffer[] = [];

  constructor(exchange: Exchange) {
    this.exchange = exchange;
    exchange.downstream = this;
  }

  get body(): Buffer {
    return Buffer.concat(this.#body);
  }

  get text(): string {
    return this.body.toString("latin1");
  }

  /** Sends a part of the request body; the upstream's answer. */
  write(gateway: MemoryGateway, data: string | Buffer): boolean {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : Buffer.from(data);
    const { upstream } = this.exchange;
    assert.ok(upstream !== null, "there is no upstream");
    const taken = upstream.writeRequest(bytes, 0, bytes.length);
    // Bytes are the receiver's during the call only.
    bytes.fill(0xee);
    gateway.transport.pump();
    return taken;
  }

  end(gateway: MemoryGateway, ...trailers: [string, string][]): void {
    const fields = new Fields();
    for (const [name, value] of trailers) fields.addNamed(name, value);
    this.exchange.endRequest();
    this.exchange.upstream?.endRequest(fields);
    gateway.transport.pump();
  }

  abort(gateway: MemoryGateway, fault: Fault): void {
    this.exchange.releaseUpstream(fault);
    gateway.transport.pump();
  }

  resume(gateway: MemoryGateway): void {
    this.exchange.upstream?.resumeResponse();
    gateway.transport.pump();
  }

  informational(): void {
    this.events.push(String(this.exchange.response.status));
  }

  responseHead(): void {
    this.events.push(String(this.exchange.response.status));
    this.exchange.responseStarted = true;
  }

  writeResponse(bytes: Buffer, start: number, end: number): boolean {
    this.#body.push(Buffer.from(bytes.subarray(start, end)));
    return this.takes;
  }

  endResponse(trailers: Fields): void {
    this.trailers = trailers.toArray();
    this.events.push("end");
  }

  failResponse(fault: Fault): void {
    this.fault = fault;
    this.events.push(fault.code);
  }

  resumeRequest(): void {
    this.resumed += 1;
  }

  tunnelOpened(): void {
    this.events.push("tunnel");
  }
}

/** The backends of the gateway's plan, in order, as its pools have them. */
export function backendsOf(gateway: MemoryGateway): Backend[] {
  return gateway.plan.services.flatMap((service) =>
    service.backends.map((backend) => gateway.pools.backend(service, backend, gateway.plan)),
  );
}

/**
 * Sends a request (its head as HTTP/1.1 writes it) to the first backend, as dispatch would. `upgrade`: what
 * dispatch has allowed.
 */
export function sendTo(gateway: MemoryGateway, head: string, upgrade = ""): RecordingSink {
  const exchange = exchangeOf(gateway, head);
  exchange.request.upgrade = upgrade;
  const sink = new RecordingSink(exchange);
  exchange.route = gateway.socket.current.runtime.routes[0] ?? null;
  exchange.backend = backendsOf(gateway)[0] ?? null;
  exchange.attempts = 1;
  if (exchange.request.bodyLength === 0) exchange.endRequest();
  exchange.backend?.acquire(exchange);
  gateway.transport.pump();
  return sink;
}
