/** One connection of a native transport, as TypeScript sees it: a number, and who owns it. */
import type { NativeTransportHandle } from "./native-addon.ts";
import { readTlsInfo } from "./native-tls.ts";
import type { TlsInfo } from "./tls.ts";
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
  /** Who can be asked about its TLS; `null` without TLS, and when that was read. */
  handle: NativeTransportHandle | null = null;
  #tls: TlsInfo | null = null;

  constructor(id: number, remoteAddress: string, remotePort: number, localPort: number) {
    this.id = id;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
    this.localPort = localPort;
    this.owner = null;
  }

  /** Asked for once, and only when somebody wants to know. */
  get tls(): TlsInfo | null {
    if (this.#tls === null && this.handle !== null) this.#tls = readTlsInfo(this.handle, this.id);
    return this.#tls;
  }

  /** Its number is going to be another's. What TLS agreed on can still be read. */
  forget(): void {
    if (this.handle !== null) this.#tls = this.tls;
    this.handle = null;
  }
}
