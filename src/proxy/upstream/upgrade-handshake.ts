/**
 * Our side of an upgrade over HTTP/1.1 (RFC 9110 section 7.8) and of the WebSocket handshake in it (RFC
 * 6455 section 4). The gateway is a client of its own here: it makes its own key, and only an answer that
 * proves to be one to that key opens a tunnel. A backend that answers 101 to anything, or a cache between,
 * would otherwise let a client speak past the gateway.
 */
import { randomBytes } from "node:crypto";
import type { Fields } from "../../wire/http/fields.ts";
import type { RequestHead, ResponseHead } from "../../wire/http/message.ts";
import {
  ACCEPT_NAME,
  KEY_BYTES,
  KEY_NAME,
  VERSION_NAME,
  WEBSOCKET,
  webSocketAccept,
  webSocketKey,
  WEBSOCKET_VERSION,
} from "../../wire/ws/handshake.ts";
import type { Exchange } from "../exchange/exchange.ts";

/** Completes the fields of a request that asks for an upgrade; returns the key for WebSocket, else an empty text. */
export function prepareUpgrade(request: RequestHead): string {
  if (request.upgrade !== WEBSOCKET) return "";
  const { fields } = request;
  const key = webSocketKey(randomBytes(KEY_BYTES));
  dropWebSocketKey(request);
  fields.addNamed("Sec-WebSocket-Key", key);
  // A client on HTTP/2 may leave it out.
  if (fields.findNamed(VERSION_NAME) === -1) fields.addNamed("Sec-WebSocket-Version", WEBSOCKET_VERSION);
  return key;
}

/** The key belongs to the handshake of one hop over HTTP/1.1; extended CONNECT has none (RFC 8441 section 5). */
export function dropWebSocketKey({ fields }: RequestHead): void {
  removeNamed(fields, KEY_NAME);
}

/** Its counterpart in the answer. */
export function dropWebSocketAccept({ fields }: ResponseHead): void {
  removeNamed(fields, ACCEPT_NAME);
}

/** What is wrong with a 101, in words; `null`: it is the answer to `key`, as `prepareUpgrade` returned it. */
export function upgradeRefusal({ request, response }: Exchange, key: string): string | null {
  if (request.upgrade === "") return "101 (Switching Protocols) that was not asked for";
  if (response.upgrade !== request.upgrade) return "101 (Switching Protocols) to another protocol";
  if (key === "") return null;
  const { fields } = response;
  const accept = fields.findNamed(ACCEPT_NAME);
  if (accept === -1) return "101 without Sec-WebSocket-Accept";
  if (fields.value(accept) !== webSocketAccept(key)) return "Sec-WebSocket-Accept does not answer our key";
  if (fields.findNamed(ACCEPT_NAME, accept + 1) !== -1) return "more than one Sec-WebSocket-Accept";
  dropWebSocketAccept(response);
  return null;
}

function removeNamed(fields: Fields, lowerName: Uint8Array): void {
  for (let i = fields.findNamed(lowerName); i !== -1; i = fields.findNamed(lowerName, i)) fields.remove(i);
}
