/** A backend on node:http2, a peer that shares no code with the gateway: without TLS by prior knowledge, or with it. */
import { once } from "node:events";
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { HOST } from "./addresses.ts";

export type Http2Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

export interface Http2BackendOptions {
  readonly settings?: { readonly maxConcurrentStreams?: number; readonly enableConnectProtocol?: boolean };
  /** With TLS, and HTTP/1.1 for clients that do not offer h2. */
  readonly tls?: {
    readonly certPem: string;
    readonly keyPem: string;
    /** Clients must show a certificate of this authority. */
    readonly clientCaPem?: string;
  };
  readonly port?: number;
}

/** Answers with method, path and body of the request. */
export const echoed: Http2Handler = (stream, headers) => {
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  stream.on("end", () => {
    stream.respond({ ":status": 200, "content-type": "text/plain" });
    stream.end(`${headers[":method"]} ${headers[":path"]} ${Buffer.concat(parts).toString("latin1")}`);
  });
};

export class Http2Backend {
  handler: Http2Handler;
  /** All there ever were, in order. */
  readonly sessions: ServerHttp2Session[] = [];
  streams = 0;
  readonly #server: Http2Server | Http2SecureServer;

  static async start(
    scope: { after(cleanup: () => Promise<void>): void },
    handler: Http2Handler = echoed,
    options: Http2BackendOptions = {},
  ): Promise<Http2Backend> {
    const backend = new Http2Backend(handler, options);
    backend.#server.listen(options.port ?? 0, HOST);
    await once(backend.#server, "listening");
    scope.after(() => backend.stop());
    return backend;
  }

  private constructor(handler: Http2Handler, options: Http2BackendOptions) {
    const { settings = {}, tls } = options;
    this.handler = handler;
    this.#server =
      tls === undefined
        ? createServer({ settings })
        : createSecureServer({
            settings,
            cert: tls.certPem,
            key: tls.keyPem,
            ...(tls.clientCaPem === undefined
              ? {}
              : { ca: tls.clientCaPem, requestCert: true, rejectUnauthorized: true }),
          });
    this.#server.on("session", (session) => {
      this.sessions.push(session);
      session.on("error", () => undefined);
    });
    this.#server.on("stream", (stream, headers) => {
      this.streams += 1;
      // A stream that is reset is no failure of the test's.
      stream.on("error", () => undefined);
      this.handler(stream as ServerHttp2Stream, headers);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `${HOST}:${this.port}`;
  }

  get openSessions(): number {
    return this.sessions.filter((session) => !session.destroyed).length;
  }

  /** GOAWAY on every session, and no new connections; what is under way ends in order. */
  retire(): void {
    this.#server.close();
    for (const session of this.sessions) session.close();
  }

  async stop(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }
}
