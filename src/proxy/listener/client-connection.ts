/** A client's connection as its listener sees it, whatever is spoken on it: what a drain and a stop ask for. */
import type { ConnectionOwner } from "../../fastpath/transport.ts";

export interface ClientConnection extends ConnectionOwner {
  /** The listener drains: nothing new after what is under way; without that, the connection closes after `graceMs` of rest. */
  announceClose(graceMs: number): void;
  /** Cuts the connection now; returns whether something was under way. */
  abort(): boolean;
}
