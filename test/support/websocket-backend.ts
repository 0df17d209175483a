/** A WebSocket server to stand behind the gateway: it answers by script, and keeps what it saw of each connection. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { once } from "node:events";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { freePort, HOST } from "./addresses.ts";
import type { CleanupScope } from "./gateway.ts";

export interface WebSocketBackendOptions {
  /** Called for each connection; default: it echoes. */
  readonly script?: (socket: WebSocket, request: IncomingMessage) => void;
  readonly server?: ServerOptions;
  readonly port?: number;
}

/** How a connection ended, as the server saw it. 1006: without a Close frame. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export class WebSocketBackend {
  readonly port: number;
  readonly sockets: WebSocket[] = [];
  readonly requests: IncomingMessage[] = [];
  readonly closes: Closed[] = [];
  readonly #server: Server;
  readonly #connections = new Set<Duplex>();

  static async start(scope: CleanupScope, options: WebSocketBackendOptions = {}): Promise<WebSocketBackend> {
    const backend = new WebSocketBackend(options.port ?? (await freePort()), options);
    backend.#server.listen(backend.port, HOST);
    await once(backend.#server, "listening");
    scope.after(() => backend.stop());
    return backend;
  }

  private constructor(port: number, options: WebSocketBackendOptions) {
    this.port = port;
    this.#server = createServer((_request, response) => response.end("plain\n"));
    this.#server.on("connection", (socket) => {
      this.#connections.add(socket);
      socket.on("close", () => this.#connections.delete(socket));
    });
    const sockets = new WebSocketServer({ server: this.#server, ...options.server });
    sockets.on("connection", (socket, request) => {
      this.sockets.push(socket);
      this.requests.push(request);
      socket.on("error", () => {});
      socket.on("close", (code, reason) => this.closes.push({ code, reason: reason.toString() }));
      (options.script ?? echo)(socket, request);
    });
  }

  /** `host:port`, as a backend's `address` in the config. */
  get address(): string {
    return `${HOST}:${this.port}`;
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }
}

export function echo(socket: WebSocket): void {
  socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
}
