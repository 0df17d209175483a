/**
 * The backend of a cell: node:http, or node:http2 without TLS or with it, which share the interface that
 * `origin-answers.ts` is written to. It keeps what it saw of each request and how that ended.
 */
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
import { answer, Crowd, refuseToContinue } from "./origin-answers.ts";
import { echoConnect, echoUpgrade } from "./origin-websocket.ts";
import { Seen, streamOf } from "./seen.ts";

/** `h2s`: over TLS. */
export type Back = "h1" | "h2" | "h2s";

/** Megabytes; node:http2 resets streams when more than that waits to be sent on a session. */
const MAX_SESSION_MEMORY = 512;

export class Origin {
  readonly back: Back;
  /** In the order in which their heads came. */
  readonly requests: Seen[] = [];
  /** Connections that there ever were. */
  connections = 0;
  readonly crowd = new Crowd();
  readonly #server: Server | Http2Server | Http2SecureServer;
  readonly #sockets = new Set<Socket>();

  static async start(scope: CleanupScope, back: Back, identity: TestIdentity): Promise<Origin> {
    const origin = new Origin(back, identity);
    // Not one that the system chooses: it could be the one that a listener is to have.
    origin.#server.listen({ port: await freePort(), host: HOST, backlog: 2048 });
    await once(origin.#server, "listening");
    scope.after(() => origin.#stop());
    return origin;
  }

  private constructor(back: Back, identity: TestIdentity) {
    this.back = back;
    this.#server = serverOf(back, identity);
    this.#server.on("connection", (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("session", (session: Http2Session) => void session.on("error", () => undefined));
    this.#server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      answer(this.#see(request, response), request, response, this.crowd);
    });
    this.#server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      const seen = this.#see(request, response);
      if (refuseToContinue(request, response)) return;
      response.writeContinue();
      answer(seen, request, response, this.crowd);
    });
    if (back === "h1") echoUpgrade(this.#server as Server);
    else echoConnect(this.#server as Http2Server);
  }

  get address(): string {
    return `${HOST}:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The newest request for the path. */
  last(path: string): Seen | undefined {
    return this.requests.findLast((seen) => seen.path === path);
  }

  count(path: string): number {
    return this.requests.filter((seen) => seen.path === path).length;
  }

  #see(request: IncomingMessage, response: ServerResponse): Seen {
    const seen = new Seen(request);
    this.requests.push(seen);
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const stream = streamOf(request);
    request.on("end", () => {
      // Node.js ends the body of a stream that is reset, too.
      seen.whole = (stream?.rstCode ?? 0) === 0;
      seen.trailers = request.trailers;
    });
    response.on("close", () => {
      seen.resetCode = stream?.rstCode;
      const whole = response.writableFinished && (stream?.rstCode ?? 0) === 0;
      seen.end = whole ? "answered" : "cut";
    });
    return seen;
  }

  async #stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function serverOf(back: Back, identity: TestIdentity): Server | Http2Server | Http2SecureServer {
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
