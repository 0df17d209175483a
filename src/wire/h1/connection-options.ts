/** The connection options that the codec itself acts on, RFC 9110 section 7.6.1, as bits. */
import { equalsLower } from "../http/field-id.ts";
import { hasElement } from "../http/list.ts";

export const CLOSE = 1;
export const KEEP_ALIVE = 2;
export const UPGRADE = 4;

const CLOSE_NAME: Uint8Array = Buffer.from("close", "latin1");
const KEEP_ALIVE_NAME: Uint8Array = Buffer.from("keep-alive", "latin1");
const UPGRADE_NAME: Uint8Array = Buffer.from("upgrade", "latin1");

/** The options in a Connection field's value; others are for the proxy to look at. */
export function optionsOf(bytes: Uint8Array, start: number, end: number): number {
  // Nearly always there is one element only.
  if (equalsLower(bytes, start, end, KEEP_ALIVE_NAME)) return KEEP_ALIVE;
  if (equalsLower(bytes, start, end, CLOSE_NAME)) return CLOSE;
  let options = 0;
  if (hasElement(bytes, start, end, CLOSE_NAME)) options |= CLOSE;
  if (hasElement(bytes, start, end, KEEP_ALIVE_NAME)) options |= KEEP_ALIVE;
  if (hasElement(bytes, start, end, UPGRADE_NAME)) options |= UPGRADE;
  return options;
}
