/** The client of a cell: connections on node:http, node:https, node:http2 or a peer of HTTP/3, that are kept between exchanges. */
import { once } from "node:events";
import { Agent as PlainAgent } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { Agent as SecureAgent } from "node:https";
import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { HOST } from "../../test/support/addresses.ts";
import { within } from "../../test/support/wait-for.ts";
import type { Ask, Call } from "./call.ts";
import { CallH1 } from "./call-h1.ts";
import { CallH2 } from "./call-h2.ts";
import { CallH3 } from "./call-h3.ts";
import type { H3Clients, H3Connection } from "../peers/h3-client.ts";

/** The version, and `s` for TLS: `h2` is by prior knowledge, `h2s` and `h1s` by ALPN. */
export type Front = "h1" | "h1s" | "h2" | "h2s" | "h3";

/** Those over TCP. */
export const FRONTS: readonly Front[] = ["h1", "h1s", "h2", "h2s"];

/** Megabytes of a session's own; node:http2 resets streams when more than that waits to be sent. */
const MAX_SESSION_MEMORY = 512;

const CONNECT_TIMEOUT_MS = 10_000;

export interface Client {
  /** Connections that it has opened. */
  readonly connections: number;
  open(ask: Ask): Call;
  close(): void;
}

/** Where a client goes, and on what. */
export interface Reach {
  readonly front: Front;
  readonly port: number;
  /** For `h3`. */
  readonly h3?: H3Clients | undefined;
}

/** With at most `connections` at once over HTTP/1.1, and one over HTTP/2 and HTTP/3. */
export async function connectTo({ front, port, h3 }: Reach, connections = 1): Promise<Client> {
  switch (front) {
    case "h1":
    case "h1s":
      return new ClientH1(port, front === "h1s", connections);
    case "h2":
    case "h2s":
      return new ClientH2(await openSession(front, port));
    case "h3":
      if (h3 === undefined) throw new Error("no peer of HTTP/3");
      return new ClientH3(await h3.connect(HOST, port));
  }
}

/** A session whose settings from the gateway are known. */
export async function openSession(front: Front, port: number): Promise<ClientHttp2Session> {
  const session = connect(`${front === "h2s" ? "https" : "http"}://${HOST}:${port}`, {
    maxSessionMemory: MAX_SESSION_MEMORY,
    rejectUnauthorized: false,
    servername: "localhost",
  });
  session.on("error", () => undefined);
  await within("the settings of a session", CONNECT_TIMEOUT_MS, once(session, "remoteSettings"));
  return session;
}

class ClientH1 implements Client {
  connections = 0;
  /** The sockets of TCP under those of TLS, which can not be reset themselves; without TLS they are the same. */
  readonly #under = new Map<Socket, Socket>();
  readonly #agent: PlainAgent;
  readonly #secure: boolean;
  readonly #port: number;

  constructor(port: number, secure: boolean, maxSockets: number) {
    this.#port = port;
    this.#secure = secure;
    const options = { keepAlive: true, maxSockets };
    this.#agent = secure ? new SecureAgent(options) : new PlainAgent(options);
    this.#agent.createConnection = () => this.#connect();
    const known = new WeakSet<Socket>();
    this.#agent.on("free", (socket: Socket) => {
      if (known.has(socket)) return;
      known.add(socket);
      this.connections += 1;
    });
  }

  open(ask: Ask): Call {
    const options = { host: HOST, port: this.#port, agent: this.#agent };
    return new CallH1(ask, this.#secure, options, (socket) => this.#under.get(socket) ?? socket);
  }

  close(): void {
    this.#agent.destroy();
    // Those in use too, such as that of an exchange which was left.
    for (const socket of this.#under.values()) socket.destroy();
  }

  #connect(): Socket {
    const under = connectSocket(this.#port, HOST);
    const socket = this.#secure ? this.#overTls(under) : under;
    this.#under.set(socket, under);
    return socket;
  }

  #overTls(under: Socket): Socket {
    const socket = connectTls({ socket: under, rejectUnauthorized: false, servername: "localhost" });
    under.on("error", (error) => socket.destroy(error));
    return socket;
  }
}

class ClientH2 implements Client {
  readonly connections = 1;
  readonly #session: ClientHttp2Session;

  constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  open(ask: Ask): Call {
    return new CallH2(ask, this.#session);
  }

  close(): void {
    this.#session.destroy();
  }
}

class ClientH3 implements Client {
  readonly connections = 1;
  readonly #connection: H3Connection;

  constructor(connection: H3Connection) {
    this.#connection = connection;
  }

  open(ask: Ask): Call {
    return new CallH3(ask, this.#connection);
  }

  close(): void {
    this.#connection.close();
  }
}
