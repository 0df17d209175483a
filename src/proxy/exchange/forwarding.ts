/**
 * What the gateway tells the backend about the client and the request: X-Forwarded-For, -Proto and
 * -Host, Via, X-Request-ID, and the W3C trace context. X-Forwarded-* from a peer that is no trusted
 * proxy is not believed: it is replaced, or (by configuration) appended to.
 */
import { FieldId } from "../../wire/http/field-id.ts";
import type { Fields } from "../../wire/http/fields.ts";
import { HttpVersion } from "../../wire/http/message.ts";
import type { WorkerContext } from "../worker-context.ts";
import { clientAddress } from "./client-address.ts";
import type { Exchange } from "./exchange.ts";
import { requestIdOf } from "./request-id.ts";
import { applyTraceContext } from "./trace-context.ts";

/** Received-by pseudonym in Via (RFC 9110 section 7.6.3; feature row A9.5). */
const VIA_NAME = "expressgateway";
const VIA_BY_VERSION = [`1.0 ${VIA_NAME}`, `1.1 ${VIA_NAME}`, `2 ${VIA_NAME}`, `3 ${VIA_NAME}`] as const;

export function applyForwarding(context: WorkerContext, exchange: Exchange): void {
  const { request, generation } = exchange;
  const { fields } = request;
  const trusted = generation.trustedProxies.contains(exchange.peerIp);
  const chain = fields.joined(FieldId.xForwardedFor);
  exchange.clientIp = trusted && chain !== undefined
    ? clientAddress(exchange.peerIp, chain, generation.trustedProxies)
    : exchange.peerIp;
  const keep = trusted || generation.plan.security.untrustedForwarded === "append";
  forwardFor(fields, keep ? chain : undefined, exchange.peerIp);
  forwardProtoAndHost(exchange, trusted);
  const via = VIA_BY_VERSION[request.version];
  const earlier = fields.joined(FieldId.via);
  fields.set(FieldId.via, earlier === undefined ? via : `${earlier}, ${via}`);
  exchange.requestId = requestIdOf(fields, context.random);
  exchange.traceId = applyTraceContext(fields, context.random);
}

function forwardFor(fields: Fields, chain: string | undefined, peerIp: string): void {
  fields.set(FieldId.xForwardedFor, chain === undefined || chain === "" ? peerIp : `${chain}, ${peerIp}`);
  fields.removeAll(FieldId.forwarded);
}

/** A trusted proxy's word on scheme, host and port stands; else they are what we see ourselves. */
function forwardProtoAndHost(exchange: Exchange, trusted: boolean): void {
  const { fields, authority } = exchange.request;
  const proto = trusted ? fields.get(FieldId.xForwardedProto) : undefined;
  exchange.secure = proto === undefined ? exchange.secure : proto === "https";
  if (proto === undefined) fields.set(FieldId.xForwardedProto, exchange.secure ? "https" : "http");
  const host = trusted ? fields.get(FieldId.xForwardedHost) : undefined;
  if (host === undefined) {
    fields.removeAll(FieldId.xForwardedHost);
    if (authority !== "") fields.add(FieldId.xForwardedHost, authority);
  }
  if (!trusted) {
    fields.removeAll(FieldId.xForwardedPort);
    fields.removeAll(FieldId.xRealIp);
  }
  if (exchange.request.version === HttpVersion.http10) fields.removeAll(FieldId.expect);
}
