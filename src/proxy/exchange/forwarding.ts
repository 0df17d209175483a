/**
 * What the gateway tells the backend about the client and the request: X-Forwarded-For, -Proto and
 * -Host, Via, X-Request-ID, and the W3C trace context. X-Forwarded-* from a peer that is no trusted
 * proxy is not believed: it is replaced, or (by configuration) appended to.
 */
import { wordText } from "../../base/word-text.ts";
import { equalsLower, FIELD_NAMES, FieldId } from "../../wire/http/field-id.ts";
import type { Fields } from "../../wire/http/fields.ts";
import { HttpVersion } from "../../wire/http/message.ts";
import type { RoutingContext } from "./choose-route.ts";
import { clientAddress } from "./client-address.ts";
import { CERTIFICATE_CLAIMS } from "./client-certificate.ts";
import type { Exchange } from "./exchange.ts";
import { type HostProfile, VIA_BY_VERSION } from "./host-profile.ts";
import { applyRequestId, ID_DIGITS } from "./request-id.ts";
import { applyTraceContext, PARENT_START, SPAN_DIGITS, TRACE_DIGITS, TRACE_START } from "./trace-context.ts";

/** `X-Forwarded-For: `, whose value is the one part of our own fields that differs from client to client. */
const FORWARDED_FOR = wordText(`${FIELD_NAMES[FieldId.xForwardedFor]}: `);

/** Fields that only matter when a client, or a proxy before us, sent them. */
const FORWARDED_FIELDS = new Uint8Array(64);
for (const id of [
  FieldId.xForwardedFor,
  FieldId.xForwardedProto,
  FieldId.xForwardedHost,
  FieldId.xForwardedPort,
  FieldId.xRealIp,
  FieldId.forwarded,
  FieldId.via,
  FieldId.xRequestId,
  FieldId.traceparent,
  FieldId.tracestate,
]) {
  FORWARDED_FIELDS[id] = 1;
}

export function applyForwarding(context: RoutingContext, exchange: Exchange): void {
  const { request } = exchange;
  if (request.version === HttpVersion.http10) request.fields.removeAll(FieldId.expect);
  const profile = exchange.hosts.of(request, exchange.secure);
  exchange.host = profile;
  if (hasForwarded(request.fields)) mergeForwarded(context, exchange);
  else addForwarded(context, exchange, profile);
}

function hasForwarded(fields: Fields): boolean {
  for (let i = 0; i < fields.count; i++) {
    const id = fields.id(i);
    if (FORWARDED_FIELDS[id] === 1 || (id === FieldId.other && isClaim(fields, i))) return true;
  }
  return false;
}

/** The first letters of fields by which proxies tell of a client, whatever follows: `X-Forwarded-Prefix`, `-User`, ... */
const CLAIM_PREFIX = Buffer.from("x-forwarded", "latin1");

/** Further names for the same. `Proxy` becomes HTTP_PROXY in CGI-like backends (httpoxy). */
const CLAIM_NAMES = [
  ...["x-client-ip", "x-cluster-client-ip", "true-client-ip", "front-end-https", "proxy"].map((name) =>
    Buffer.from(name, "latin1"),
  ),
  ...CERTIFICATE_CLAIMS,
];

/** First letters of all of them, so that nearly every other field is passed over at once. */
const CLAIM_INITIALS = new Uint8Array(256);
for (const initial of "xtfpcXTFPC") CLAIM_INITIALS[initial.charCodeAt(0)] = 1;

/** Whether a field without an id claims what only a trusted proxy may say. */
function isClaim(fields: Fields, index: number): boolean {
  const { bytes } = fields;
  const start = fields.nameStart(index);
  if (CLAIM_INITIALS[bytes[start] as number] !== 1) return false;
  const end = fields.nameEnd(index);
  if (
    end - start >= CLAIM_PREFIX.length &&
    equalsLower(bytes, start, start + CLAIM_PREFIX.length, CLAIM_PREFIX)
  ) {
    return true;
  }
  for (let i = 0; i < CLAIM_NAMES.length; i++) {
    if (equalsLower(bytes, start, end, CLAIM_NAMES[i] as Buffer)) return true;
  }
  return false;
}

/** Nobody spoke before us: the lines are those of every such request to this host. */
function addForwarded({ random }: RoutingContext, exchange: Exchange, profile: HostProfile): void {
  const { fields } = exchange.request;
  fields.addWords(FORWARDED_FOR, exchange.peer.text, FieldId.xForwardedFor);
  if (exchange.peer.certificate !== null) fields.addTemplate(exchange.peer.certificate);
  fields.addTemplate(profile.forwarding);
  const last = fields.count - 1;
  const trace = fields.valueStart(last);
  random.writeTo(fields.view, fields.valueStart(last - 1), ID_DIGITS);
  random.writeTo(fields.view, trace + TRACE_START, TRACE_DIGITS);
  random.writeTo(fields.view, trace + PARENT_START, SPAN_DIGITS);
  exchange.requestIdField = last - 1;
  exchange.traceField = last;
}

/** Proxies before us, or a client that pretends to be one. */
function mergeForwarded(context: RoutingContext, exchange: Exchange): void {
  const { request, generation } = exchange;
  const { fields } = request;
  const { ip, certificate } = exchange.peer;
  const trusted = generation.trustedProxies.contains(ip);
  const chain = fields.joined(FieldId.xForwardedFor);
  exchange.clientIp =
    trusted && chain !== undefined ? clientAddress(ip, chain, generation.trustedProxies) : ip;
  const kept = trusted || generation.plan.security.untrustedForwarded === "append" ? chain : undefined;
  fields.set(FieldId.xForwardedFor, kept === undefined || kept === "" ? ip : `${kept}, ${ip}`);
  mergeProtoAndHost(exchange, trusted);
  // Who has not seen the handshake cannot vouch for a certificate: not even a trusted proxy is sure to have removed a client's.
  for (let i = 0; i < CERTIFICATE_CLAIMS.length; i++) removeNamed(fields, CERTIFICATE_CLAIMS[i] as Buffer);
  if (certificate !== null) fields.addTemplate(certificate);
  fields.removeAll(FieldId.forwarded);
  const via = fields.joined(FieldId.via);
  const own = VIA_BY_VERSION[request.version];
  fields.set(FieldId.via, via === undefined ? own : `${via}, ${own}`);
  exchange.requestIdField = applyRequestId(fields, context.random);
  exchange.traceField = applyTraceContext(fields, context.random);
}

/** A trusted proxy's word on scheme, host and port stands; else they are what we see ourselves. */
function mergeProtoAndHost(exchange: Exchange, trusted: boolean): void {
  const { fields, authority } = exchange.request;
  const proto = trusted ? fields.get(FieldId.xForwardedProto)?.split(",", 1)[0]?.trim() : undefined;
  if (proto === undefined) fields.set(FieldId.xForwardedProto, exchange.secure ? "https" : "http");
  else exchange.secure = proto.toLowerCase() === "https";
  if (!trusted || fields.find(FieldId.xForwardedHost) === -1) {
    fields.removeAll(FieldId.xForwardedHost);
    if (authority !== "") fields.add(FieldId.xForwardedHost, authority);
  }
  if (trusted) return;
  fields.removeAll(FieldId.xForwardedPort);
  fields.removeAll(FieldId.xRealIp);
  for (let i = 0; i < fields.count; i++) {
    if (fields.id(i) === FieldId.other && isClaim(fields, i)) fields.remove(i);
  }
}

function removeNamed(fields: Fields, lowerName: Buffer): void {
  for (let i = fields.findNamed(lowerName); i !== -1; i = fields.findNamed(lowerName, i + 1))
    fields.remove(i);
}
