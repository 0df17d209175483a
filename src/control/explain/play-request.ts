/**
 * Plays the head of one request through the data plane's own code, up to where a backend would be picked:
 * it is decoded, the client is told apart from proxies, the router is asked, upgrades are decided. Nothing is
 * opened and nothing is sent.
 */
import { isIP } from "node:net";
import { Clock } from "../../base/clock.ts";
import { CidrSet } from "../../base/cidr.ts";
import type { Fault } from "../../base/fault.ts";
import { RandomHex } from "../../base/random-hex.ts";
import { chooseRoute, type RoutingContext } from "../../proxy/exchange/choose-route.ts";
import type { Exchange, ResponseSink } from "../../proxy/exchange/exchange.ts";
import { type Peer, peerOf, peerOverQuic } from "../../proxy/exchange/peer.ts";
import {
  compileListener,
  listenerKey,
  type ListenerRuntime,
  serviceWithoutBackends,
} from "../../proxy/generation.ts";
import { GLOBAL_SLOT_COUNT } from "../../proxy/global-slots.ts";
import { listenerCurrent } from "../../proxy/listener/listener-current.ts";
import type { ListenerPlan, Plan, RoutePlan } from "../../proxy/plan.ts";
import { RouteRequest } from "../../proxy/router/route-input.ts";
import { routingHost } from "../../proxy/router/routing-host.ts";
import { H1Event } from "../../wire/h1/h1-event.ts";
import { HttpVersion } from "../../wire/http/message.ts";
import type { AskedRequest, HttpName } from "./explanation.ts";

export interface Played {
  readonly http: HttpName;
  /** What the router has looked at; `null`: it has not been asked. */
  readonly routed: RouteRequest | null;
  readonly host: string;
  readonly client: string;
  readonly route: RoutePlan | null;
  /** The protocol that is switched to; empty: none. */
  readonly upgrade: string;
  readonly fault: Fault | null;
  /** `null`: the answer is one of HTTP. */
  readonly grpcStatus: string | null;
}

/** On the listener with this index, which serves requests. */
export function playRequest(plan: Plan, index: number, asked: AskedRequest): Played {
  const runtime = runtimeOf(plan, index);
  const http = asked.http ?? usualHttp(runtime.plan, asked);
  const playing = { plan, runtime, asked, http };
  const { exchange, fault, grpcStatus } = play(playing, true);
  const route = exchange.route?.plan ?? null;
  const isRouted = route !== null || fault?.code === "no_route";
  return {
    http,
    // The decision about an upgrade takes fields out: rules have seen them.
    routed: isRouted ? play(playing, false).view : null,
    host: exchange.host?.host ?? routingHost(exchange.request.authority),
    client: exchange.clientIp,
    route,
    upgrade: route === null || fault !== null ? "" : exchange.request.upgrade,
    fault,
    grpcStatus,
  };
}

interface Playing {
  readonly plan: Plan;
  readonly runtime: ListenerRuntime;
  readonly asked: AskedRequest;
  readonly http: HttpName;
}

function play({ plan, runtime, asked, http }: Playing, mayUpgrade: boolean) {
  const trustedProxies = CidrSet.of(plan.security.trustedProxies);
  const listeners = new Map([[listenerKey(runtime.plan), runtime]]);
  const current = listenerCurrent({ plan, trustedProxies, listeners }, runtime);
  const { decoder, exchange } = current.sessions.take();
  const bytes = headBytes(asked);
  decoder.next(bytes, 0, bytes.length);
  const answer = new Answer(exchange);
  exchange.begin(answer, current, peerFor(runtime.plan, asked));
  const isRead = decoder.event === H1Event.head;
  exchange.request.version = VERSIONS[http];
  if (!mayUpgrade) exchange.request.upgrade = "";
  const view = new RouteRequest(exchange.request);
  const fault = isRead ? chooseRoute(contextOf(), exchange, view) : decoder.fault;
  if (fault !== null) exchange.downstream.failResponse(fault);
  return { exchange, view, fault, grpcStatus: answer.grpcStatus };
}

function contextOf(): RoutingContext {
  return { counters: new Float64Array(GLOBAL_SLOT_COUNT), clock: new Clock(), random: new RandomHex() };
}

const VERSIONS: Readonly<Record<HttpName, HttpVersion>> = {
  "1.1": HttpVersion.http11,
  "2": HttpVersion.http2,
  "3": HttpVersion.http3,
};

function runtimeOf(plan: Plan, index: number): ListenerRuntime {
  const listener = plan.listeners[index] as ListenerPlan;
  const services = plan.services.map(serviceWithoutBackends);
  const tls = listener.tls === null ? null : ({ role: "server" } as const);
  return { ...compileListener(listener, index, plan, services), tls, quic: null };
}

/** What a client of today speaks there: over TLS HTTP/2, but for upgrades, which are a matter of HTTP/1.1. */
function usualHttp({ quic, tls }: ListenerPlan, { fields }: AskedRequest): HttpName {
  if (quic !== null) return "3";
  if (fields.some(([name]) => name.toLowerCase() === "upgrade")) return "1.1";
  const isGrpc = fields.some(
    ([name, value]) => name.toLowerCase() === "content-type" && value.startsWith("application/grpc"),
  );
  return tls !== null || isGrpc ? "2" : "1.1";
}

/** As HTTP/1.1 has it, whose decoder checks what all versions ask of a head. */
function headBytes({ method, target, authority, fields }: AskedRequest): Buffer {
  const host = fields.some(([name]) => name.toLowerCase() === "host") ? [] : [`Host: ${authority}`];
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...host,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "utf8");
}

function peerFor({ tls, quic }: ListenerPlan, { host, peer }: AskedRequest): Peer {
  if (tls === null && quic === null) return peerOf(peer);
  // An address is not sent as a name (RFC 6066 section 3).
  return peerOverQuic(peer, isIP(host) === 0 ? routingHost(host) : "");
}

/** Stands where the client would, and keeps what it is told. */
class Answer implements ResponseSink {
  grpcStatus: string | null = null;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  responseHead(): void {
    const { fields } = this.#exchange.response;
    this.grpcStatus = fields.value(fields.findNamed(GRPC_STATUS));
  }

  failResponse(): void {}
  informational(): void {}
  endResponse(): void {}
  resumeRequest(): void {}
  tunnelOpened(): void {}

  writeResponse(): boolean {
    return true;
  }
}

const GRPC_STATUS = Buffer.from("grpc-status", "latin1");
