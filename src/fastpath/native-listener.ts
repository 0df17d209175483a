/**
 * A listening address of a native transport. When the system has no descriptors or memory left for
 * another connection, accepting rests for a moment that doubles from 1 ms to 1 s (feature row
 * A2.14), instead of failing again at once.
 */
import { LISTEN_BACKLOG } from "../base/limits.ts";
import { drainListenSocket, type ListenSocket, scarceFrom } from "./listen-socket.ts";
import type { NativeAddon, NativeTransportHandle } from "./native-addon.ts";
import type { NativeConnection } from "./native-connection.ts";
import type { ConnectionOwner, Listener, ListenOwner } from "./transport.ts";

const MIN_BACK_OFF_MS = 1;
const MAX_BACK_OFF_MS = 1000;

export class NativeListener implements Listener {
  readonly port: number;
  onClosed: () => void = () => {};
  readonly #addon: NativeAddon;
  readonly #handle: NativeTransportHandle;
  readonly #scarceFrom: number;
  readonly #onListening: (id: number, listener: NativeListener) => void;
  #socket: ListenSocket | null;
  #owner: ListenOwner | null = null;
  /** -1 before `accept` and after the close. */
  #id = -1;
  #backOffMs = 0;
  #backOff: NodeJS.Timeout | null = null;

  constructor(
    addon: NativeAddon,
    handle: NativeTransportHandle,
    socket: ListenSocket,
    onListening: (id: number, listener: NativeListener) => void,
  ) {
    this.port = socket.port;
    this.#addon = addon;
    this.#handle = handle;
    this.#socket = socket;
    this.#scarceFrom = scarceFrom(addon);
    this.#onListening = onListening;
  }

  get id(): number {
    return this.#id;
  }

  accept(owner: ListenOwner): void {
    if (this.#socket === null || this.#id !== -1) return;
    this.#owner = owner;
    this.#addon.listen(this.#socket.fd, LISTEN_BACKLOG);
    this.#id = this.#handle.listen(this.#socket.fd);
    this.#onListening(this.#id, this);
  }

  /** The owner of a connection that has come; null when it is not wanted. */
  offer(connection: NativeConnection, fd: number): ConnectionOwner | null {
    this.#backOffMs = 0;
    return this.#owner === null ? null : this.#owner.onAccept(connection, fd >= this.#scarceFrom);
  }

  failed(code: string, held: boolean): void {
    if (held) {
      this.#backOffMs = Math.min(MAX_BACK_OFF_MS, Math.max(MIN_BACK_OFF_MS, this.#backOffMs * 2));
      this.#backOff = setTimeout(() => this.#resume(), this.#backOffMs);
    }
    this.#owner?.onAcceptError(code);
  }

  #resume(): void {
    this.#backOff = null;
    if (this.#id !== -1) this.#handle.resumeListener(this.#id);
  }

  async close(): Promise<void> {
    if (this.#socket !== null && this.#id !== -1) {
      await drainListenSocket(this.#addon, this.#socket.fd, () => this.#socket !== null);
    }
    this.abandon();
  }

  /** Closes at once. */
  abandon(): void {
    if (this.#socket === null) return;
    if (this.#backOff !== null) clearTimeout(this.#backOff);
    if (this.#id === -1) this.#addon.closeDescriptor(this.#socket.fd);
    else this.#handle.closeListener(this.#id);
    this.#socket = null;
    this.#id = -1;
    this.onClosed();
  }
}
