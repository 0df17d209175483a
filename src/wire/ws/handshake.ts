/** Names and values of the opening handshake, RFC 6455 section 4; over HTTP/2 it has no keys (RFC 8441 section 5). */
import { createHash } from "node:crypto";

/** As `RequestHead.upgrade` has it. */
export const WEBSOCKET = "websocket";

/** The one version that there is. */
export const WEBSOCKET_VERSION = "13";

/** Lower case, for `Fields.findNamed`. */
export const KEY_NAME: Buffer = Buffer.from("sec-websocket-key", "latin1");
export const ACCEPT_NAME: Buffer = Buffer.from("sec-websocket-accept", "latin1");
export const VERSION_NAME: Buffer = Buffer.from("sec-websocket-version", "latin1");

/** Octets of a key before it is written in base64. */
export const KEY_BYTES = 16;

const KEY = /^[0-9A-Za-z+/]{22}==$/;
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Whether the text is `KEY_BYTES` octets in base64. */
export function isWebSocketKey(text: string): boolean {
  return KEY.test(text);
}

/** A key made of `KEY_BYTES` random octets. */
export function webSocketKey(random: Buffer): string {
  return random.toString("base64");
}

/** What a server answers to a key over HTTP/1.1, to show that it has understood it: RFC 6455 section 4.2.2. */
export function webSocketAccept(key: string): string {
  return createHash("sha1").update(`${key}${GUID}`, "latin1").digest("base64");
}
