/** A client on node:http2, a peer that shares no code with the gateway: whole requests as promises, and the session for the rest. */
import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { HOST } from "./addresses.ts";
import type { CleanupScope } from "./gateway.ts";
import { within } from "./wait-for.ts";

/** Megabytes of a session's own; node:http2 resets streams when a test writes more than that at once. */
const MAX_SESSION_MEMORY = 64;

/** An answer takes longer than this only when it hangs. */
const ANSWER_TIMEOUT_MS = 20_000;

export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
  /** Statuses of 1xx responses. */
  readonly informational: number[];
}

export interface Http2ClientOptions {
  /** Default: the address of this process. */
  readonly host?: string;
  /** TLS, with h2 by ALPN; whoever the gateway says it is. Without, the client knows that HTTP/2 is spoken. */
  readonly tls?: {
    readonly servername?: string;
    readonly certPem?: string;
    readonly keyPem?: string;
  };
  readonly settings?: { readonly initialWindowSize?: number };
}

export class Http2Client {
  readonly session: ClientHttp2Session;
  /** Code and last stream of each GOAWAY. */
  readonly goAways: [number, number][] = [];

  /** Resolves when the session is open; it is destroyed when the scope ends. */
  static async connect(
    scope: CleanupScope,
    port: number,
    options: Http2ClientOptions = {},
  ): Promise<Http2Client> {
    const { tls, settings, host = HOST } = options;
    const session =
      tls === undefined
        ? connect(`http://${host}:${port}`, {
            settings: settings ?? {},
            maxSessionMemory: MAX_SESSION_MEMORY,
          })
        : connect(`https://${host}:${port}`, {
            settings: settings ?? {},
            maxSessionMemory: MAX_SESSION_MEMORY,
            rejectUnauthorized: false,
            servername: tls.servername ?? "localhost",
            ...(tls.certPem === undefined ? {} : { cert: tls.certPem, key: tls.keyPem ?? "" }),
          });
    const client = new Http2Client(session);
    scope.after(() => Promise.resolve(session.destroy()));
    await within("the HTTP/2 session to open", 10_000, once(session, "connect"));
    return client;
  }

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on("error", () => undefined);
    session.on("goaway", (code: number, lastId: number) => void this.goAways.push([code, lastId]));
  }

  /** A stream, for whoever wants to do something odd with it. */
  open(headers: OutgoingHttpHeaders, ended = true): ClientHttp2Stream {
    const stream = this.session.request(headers, { endStream: ended });
    stream.on("error", () => undefined);
    return stream;
  }

  get(path: string, headers: OutgoingHttpHeaders = {}): Promise<Http2Answer> {
    return answerOf(this.open({ ":path": path, ...headers }));
  }

  async post(path: string, body: Buffer | string, headers: OutgoingHttpHeaders = {}): Promise<Http2Answer> {
    const stream = this.open({ ":method": "POST", ":path": path, ...headers }, false);
    stream.end(body);
    return await answerOf(stream);
  }

  /** Resolves when the session is over. */
  async closed(): Promise<void> {
    if (this.session.closed && this.session.destroyed) return;
    await within("the HTTP/2 session to close", ANSWER_TIMEOUT_MS, once(this.session, "close"));
  }
}

/** The whole answer on a stream. Rejects when it is cut, with the code of the reset. */
export async function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  const parts: Buffer[] = [];
  const informational: number[] = [];
  let headers: IncomingHttpHeaders | undefined;
  let trailers: IncomingHttpHeaders = {};
  stream.on("response", (fields) => (headers = fields));
  stream.on("headers", (fields) => void informational.push(Number(fields[":status"])));
  stream.on("trailers", (fields) => (trailers = fields));
  stream.on("data", (part: Buffer) => parts.push(part));
  await within("an answer over HTTP/2", ANSWER_TIMEOUT_MS, over(stream));
  if (headers === undefined || stream.rstCode !== 0)
    throw new Error(`the stream was reset with code ${stream.rstCode}`);
  return {
    status: Number(headers[":status"]),
    headers,
    body: Buffer.concat(parts),
    trailers,
    informational,
  };
}

/** The stream is over, in whatever way. */
function over(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => void stream.once("close", () => resolve()));
}
