/**
 * A listening address of the node:net transport. With the addon the socket is opened natively
 * (SO_REUSEPORT, buffer sizes) and closed without losing connections; without it node:net opens it.
 */
import { closeSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { LISTEN_BACKLOG } from "../base/limits.ts";
import { drainListenSocket, type ListenSocket, openListenSocket, scarceFrom } from "./listen-socket.ts";
import type { NativeAddon } from "./native-addon.ts";
import { type NetConnection, socketDescriptor } from "./net-connection.ts";
import type { Listener, ListenOptions, ListenOwner } from "./transport.ts";

export class NetListener implements Listener {
  onClosed: () => void = () => {};
  #port = 0;
  readonly #native: NativeAddon | null;
  readonly #adopt: (socket: Socket) => NetConnection;
  readonly #server: Server;
  #socket: ListenSocket | null = null;
  #owner: ListenOwner | null = null;
  /** Connections that came before `accept`; only the twin without the addon listens that early. */
  #early: Socket[] = [];
  #listening = false;
  /** Descriptors from here on are scarce: the kernel gives the lowest that is free. */
  readonly #scarceFrom: number;

  constructor(
    native: NativeAddon | null,
    adopt: (socket: Socket) => NetConnection,
    keepAliveDelayMs: number,
  ) {
    this.#native = native;
    this.#adopt = adopt;
    this.#scarceFrom = scarceFrom(native);
    this.#server = createServer({
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveDelayMs,
      pauseOnConnect: true,
    });
    this.#server.on("connection", (socket: Socket) => this.#onConnection(socket));
    this.#server.on("error", (error: NodeJS.ErrnoException) =>
      this.#owner?.onAcceptError(error.code ?? "EUNKNOWN"),
    );
  }

  get port(): number {
    return this.#port;
  }

  async bind(options: ListenOptions): Promise<void> {
    this.#socket = openListenSocket(this.#native, options);
    if (this.#socket !== null) {
      this.#port = this.#socket.port;
      return;
    }
    await this.#listen({
      host: options.host,
      port: options.port,
      reusePort: options.reusePort,
      backlog: LISTEN_BACKLOG,
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  accept(owner: ListenOwner): void {
    this.#owner = owner;
    if (!this.#listening) {
      this.#listening = true;
      this.#server.listen({ fd: this.#socket?.fd ?? -1, backlog: LISTEN_BACKLOG });
    }
    const early = this.#early;
    this.#early = [];
    for (const socket of early) this.#onConnection(socket);
  }

  async close(): Promise<void> {
    if (this.#native !== null && this.#socket !== null && this.#listening) {
      await drainListenSocket(this.#native, this.#socket.fd, () => this.#socket !== null);
    }
    this.abandon();
  }

  /** Closes at once. */
  abandon(): void {
    if (this.#socket === null && !this.#listening) return;
    for (const socket of this.#early) socket.destroy();
    this.#early = [];
    if (this.#listening) this.#server.close();
    else if (this.#socket !== null) closeSync(this.#socket.fd);
    this.#listening = false;
    this.#socket = null;
    this.onClosed();
  }

  #listen(options: { host: string; port: number; reusePort: boolean; backlog: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(options, () => {
        this.#server.removeListener("error", reject);
        this.#listening = true;
        resolve();
      });
    });
  }

  #onConnection(socket: Socket): void {
    if (this.#owner === null) {
      this.#early.push(socket);
      return;
    }
    const connection = this.#adopt(socket);
    const owner = this.#owner.onAccept(connection, socketDescriptor(socket) >= this.#scarceFrom);
    if (owner === null) {
      socket.on("error", () => {});
      socket.resetAndDestroy();
      return;
    }
    connection.attach(owner);
    if (connection.socket !== socket) return;
    connection.listenForData();
    socket.resume();
  }
}
