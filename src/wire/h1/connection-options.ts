/** The connection options that the codec itself acts on, RFC 9110 section 7.6.1, as bits. */
import { equalsFolded, foldedText } from "../http/folded-text.ts";
import { hasElement } from "../http/list.ts";

export const CLOSE = 1;
export const KEEP_ALIVE = 2;
export const UPGRADE = 4;

const CLOSE_NAME: Uint8Array = Buffer.from("close", "latin1");
const KEEP_ALIVE_NAME: Uint8Array = Buffer.from("keep-alive", "latin1");
const UPGRADE_NAME: Uint8Array = Buffer.from("upgrade", "latin1");

const ONLY_CLOSE = foldedText("close");
const ONLY_KEEP_ALIVE = foldedText("keep-alive");

/** The value of a Connection field is `keep-alive` or `close` and nothing else, as nearly always. */
export function plainOption(view: DataView, start: number, end: number): number {
  if (equalsFolded(view, start, end, ONLY_KEEP_ALIVE)) return KEEP_ALIVE;
  return equalsFolded(view, start, end, ONLY_CLOSE) ? CLOSE : 0;
}

/** The options in a Connection field's value, which `view` is of, too; others are for the proxy to look at. */
export function optionsOf(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  const plain = plainOption(view, start, end);
  if (plain !== 0) return plain;
  let options = 0;
  if (hasElement(bytes, start, end, CLOSE_NAME)) options |= CLOSE;
  if (hasElement(bytes, start, end, KEEP_ALIVE_NAME)) options |= KEEP_ALIVE;
  if (hasElement(bytes, start, end, UPGRADE_NAME)) options |= UPGRADE;
  return options;
}
