/**
 * Decides what becomes of a request to switch protocols (RFC 9110 section 7.8, RFC 8441), once its route
 * is known. WebSocket is a matter of the listener, and its handshake has to be right (RFC 6455 section
 * 4.2.1; feature row A12.1). Other protocols are a matter of the route. What is not allowed is ignored,
 * as a server may: the request goes on without it. Only WebSocket, whose client can do nothing with an
 * ordinary answer, and extended CONNECT (RFC 8441, RFC 9220), which is nothing without its protocol, are refused.
 */
import { Fault } from "../../base/fault.ts";
import { HttpVersion } from "../../wire/http/message.ts";
import {
  isWebSocketKey,
  KEY_NAME,
  VERSION_NAME,
  WEBSOCKET,
  WEBSOCKET_VERSION,
} from "../../wire/ws/handshake.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { RoutePlan } from "../plan.ts";

/** HTTP/2 over cleartext by upgrade (removed by RFC 9113): a tunnel of it would pass every rule by. */
const NEVER = "h2c";

/**
 * Leaves the one protocol to switch to in `request.upgrade`, or nothing. Takes the client's key out of the
 * fields, as it belongs to one hop. A fault: the request is to be refused.
 */
export function decideUpgrade(exchange: Exchange, route: RoutePlan): Fault | null {
  const { request } = exchange;
  if (request.version > HttpVersion.http11) return decideConnect(exchange, route);
  const offered = request.upgrade.split(",").map((protocol) => protocol.trim());
  if (offered.includes(WEBSOCKET)) {
    const fault = decideWebSocket(exchange);
    // A client that takes no answer for a no might send frames next: they are not to be read as requests.
    if (fault !== null) request.keepAlive = false;
    return fault;
  }
  // A body would have to be through before the switch; nobody who wants a tunnel sends one.
  const allowed = request.bodyLength === 0 ? offered.find((each) => isAllowed(each, route)) : undefined;
  request.upgrade = allowed ?? "";
  return null;
}

function decideConnect(exchange: Exchange, route: RoutePlan): Fault | null {
  const { request, listener } = exchange;
  const { upgrade, version } = request;
  const { enabled, h2ExtendedConnect, h3ExtendedConnect } = listener.plan.websocket;
  const announced = enabled && (version === HttpVersion.http3 ? h3ExtendedConnect : h2ExtendedConnect);
  if (upgrade !== WEBSOCKET) {
    const taken = announced && isAllowed(upgrade, route);
    return taken ? null : new Fault("upgrade_refused", `:protocol ${upgrade}`);
  }
  if (!announced) return new Fault("upgrade_refused", "WebSocket is off");
  if (takeOne(exchange, VERSION_NAME) !== WEBSOCKET_VERSION)
    return new Fault("bad_request", "Sec-WebSocket-Version is not 13");
  request.fields.addNamed("Sec-WebSocket-Version", WEBSOCKET_VERSION);
  takeOne(exchange, KEY_NAME);
  return null;
}

function decideWebSocket(exchange: Exchange): Fault | null {
  const { request, listener } = exchange;
  if (!listener.plan.websocket.enabled) return new Fault("upgrade_refused", "WebSocket is off");
  if (request.method !== "GET") return new Fault("bad_request", "a WebSocket handshake that is not GET");
  if (request.bodyLength !== 0) return new Fault("bad_request", "a WebSocket handshake with content");
  const version = takeOne(exchange, VERSION_NAME);
  if (version !== WEBSOCKET_VERSION) return new Fault("websocket_version", version ?? "");
  request.fields.addNamed("Sec-WebSocket-Version", WEBSOCKET_VERSION);
  const key = takeOne(exchange, KEY_NAME);
  if (key === undefined || !isWebSocketKey(key)) return new Fault("bad_request", "Sec-WebSocket-Key");
  request.upgrade = WEBSOCKET;
  exchange.webSocketKey = key;
  return null;
}

function isAllowed(protocol: string, route: RoutePlan): boolean {
  return protocol !== NEVER && route.upgrades.includes(protocol);
}

/** The value of a field that may stand there once; takes out all of them. */
function takeOne(exchange: Exchange, lowerName: Buffer): string | undefined {
  const { fields } = exchange.request;
  let value: string | undefined;
  let count = 0;
  for (let i = fields.findNamed(lowerName); i !== -1; i = fields.findNamed(lowerName, i + 1)) {
    value = fields.value(i);
    fields.remove(i);
    count += 1;
  }
  return count === 1 ? value : undefined;
}
