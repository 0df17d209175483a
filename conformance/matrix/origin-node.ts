/** The backend of a cell on node:http, or on node:http2 without TLS or with it. */
import { once } from "node:events";
import { createServer as createH1, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  createSecureServer,
  createServer as createH2,
  type Http2SecureServer,
  type Http2Server,
  type Http2Session,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { freePort, HOST } from "../../test/support/addresses.ts";
import type { TestIdentity } from "../../test/support/certificates.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { type Back, Origin } from "./origin.ts";
import { echoConnect, echoUpgrade } from "./origin-websocket.ts";

type NodeBack = Exclude<Back, "h3">;

/** Megabytes; node:http2 resets streams when more than that waits to be sent on a session. */
const MAX_SESSION_MEMORY = 512;

export class OriginNode extends Origin {
  override connections = 0;
  readonly #server: Server | Http2Server | Http2SecureServer;
  readonly #sockets = new Set<Socket>();

  static async start(scope: CleanupScope, back: NodeBack, identity: TestIdentity): Promise<OriginNode> {
    const origin = new OriginNode(back, identity);
    // Not one that the system chooses: it could be the one that a listener is to have.
    origin.#server.listen({ port: await freePort(), host: HOST, backlog: 2048 });
    await once(origin.#server, "listening");
    scope.after(() => origin.#stop());
    return origin;
  }

  private constructor(back: NodeBack, identity: TestIdentity) {
    super(back);
    this.#server = serverOf(back, identity);
    this.#server.on("connection", (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("session", (session: Http2Session) => void session.on("error", () => undefined));
    this.#server.on("request", (request: IncomingMessage, response: ServerResponse) =>
      this.took(request, response),
    );
    this.#server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) =>
      this.tookExpecting(request, response),
    );
    if (back === "h1") echoUpgrade(this.#server as Server);
    else echoConnect(this.#server as Http2Server);
  }

  override get address(): string {
    return `${HOST}:${(this.#server.address() as AddressInfo).port}`;
  }

  async #stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function serverOf(back: NodeBack, identity: TestIdentity): Server | Http2Server | Http2SecureServer {
  const settings = { enableConnectProtocol: true };
  switch (back) {
    case "h1":
      return createH1({ keepAliveTimeout: 60_000 });
    case "h2":
      return createH2({ settings, maxSessionMemory: MAX_SESSION_MEMORY });
    case "h2s":
      return createSecureServer({
        settings,
        maxSessionMemory: MAX_SESSION_MEMORY,
        cert: identity.certPem,
        key: identity.keyPem,
      });
  }
}
