/** The far end of a client's connection, by the name that the backends and the access log get of it. */
import { assert } from "../../base/assert.ts";
import { type WordText, wordText } from "../../base/word-text.ts";
import { isFieldValue } from "../../wire/http/text.ts";

export interface Peer {
  /** Numeric address; empty for Unix sockets. */
  readonly ip: string;
  /** The same, to be copied into every message. */
  readonly text: WordText;
}

export function peerOf(ip: string): Peer {
  assert(isFieldValue(ip), "an address can be a field value");
  return { ip, text: wordText(ip) };
}
