/** One connection of a native transport, as TypeScript sees it: a number, and who owns it. */
import type { Connection, ConnectionOwner } from "./transport.ts";

export class NativeConnection implements Connection {
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  owner: ConnectionOwner | null;
  /** False from its last command or event on: its number may soon be another's. */
  open = true;
  /** The peer's FIN has come. */
  ended = false;
  /** Bytes staged for it in the batch `stagedIn`. */
  stagedBytes = 0;
  stagedIn = 0;

  constructor(id: number, remoteAddress: string, remotePort: number, localPort: number) {
    this.id = id;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
    this.localPort = localPort;
    this.owner = null;
  }
}
