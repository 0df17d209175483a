/**
 * The admin listener: node:http in the main process, apart from all traffic. Started by the gateway
 * when `[observability].metrics_bind` is set, replaced when it changes, and closed last, so that
 * `/readyz` tells of a drain while it lasts.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Log } from "../../base/log.ts";
import { type AdminSource, answerAdmin } from "./admin-routes.ts";

/** Scrapers and probes are few; more are turned away at once. */
const MAX_ADMIN_CONNECTIONS = 64;

/** A probe that has not asked by now is none. */
const REQUEST_TIMEOUT_MS = 5_000;

/** A reader that takes no byte of its answer for so long is cut. */
const IDLE_TIMEOUT_MS = 10_000;

/** Short, so that idle connections do not fill the few places. */
const KEEPALIVE_TIMEOUT_MS = 5_000;

const MAX_HEADER_BYTES = 8 * 1024;

/** How often connections are held against their timeouts. */
const CHECK_INTERVAL_MS = 1_000;

export interface AdminBind {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export class AdminServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Rejects with an `Error` that has an errno `code` when the address cannot be bound. */
  static async listen(bind: AdminBind, source: AdminSource, log: Log): Promise<AdminServer> {
    const server = createServer(
      {
        headersTimeout: REQUEST_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEPALIVE_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
        maxHeaderSize: MAX_HEADER_BYTES,
      },
      (request, response) => void answer({ request, response, source, log }),
    );
    server.maxConnections = MAX_ADMIN_CONNECTIONS;
    server.setTimeout(IDLE_TIMEOUT_MS);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      // As the listeners do, so that a new gateway can start beside the one that it replaces.
      server.listen({ host: bind.host, port: bind.port, reusePort: true }, resolve);
    });
    server.on("error", (error) => log.warn({ error: error.message }, "admin listener failed to accept"));
    return new AdminServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no new connection and cuts those that are open. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly source: AdminSource;
  readonly log: Log;
}

async function answer({ request, response, source, log }: Call): Promise<void> {
  request.resume();
  const { method = "", url = "" } = request;
  try {
    const { status, contentType, body } = await answerAdmin(
      { method, target: url, authorization: request.headers.authorization },
      source,
    );
    response.writeHead(status, {
      "content-type": contentType,
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
      ...(status === 405 ? { allow: "GET, HEAD" } : {}),
    });
    response.end(method === "HEAD" ? undefined : body);
  } catch (error) {
    log.error(
      { path: url, error: error instanceof Error ? error.stack : String(error) },
      "admin request failed",
    );
    response.destroy();
  }
}
