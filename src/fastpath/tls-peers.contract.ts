/** What the TLS contract talks with: settings with certificates of its own, and peers on node:tls. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { connect, type ConnectionOptions, createServer, type TlsOptions, type TLSSocket } from "node:tls";
import { CertificateAuthority, type TestIdentity } from "../../test/support/certificates.ts";
import {
  TICKET_KEY_BYTES,
  TLS_ERROR_PREFIX,
  type TlsCertificate,
  type TlsClientCertificateSettings,
  type TlsClientSettings,
  type TlsServerContext,
  type TlsServerSettings,
} from "./tls.ts";
import type { Connection, ConnectionOwner, Transport } from "./transport.ts";
import { Acceptor, Observed, type Pair, Peer, Recorder } from "./transport-peers.contract.ts";

export const IPV4 = "127.0.0.1";
export const NAME = "server.example.test";

/** Far above what one test takes; the wait for a condition is shorter. */
export const BOUND = { timeout: 60_000 };

export interface TlsTraits {
  readonly name: string;
  readonly make: () => Transport;
  /**
   * Tickets are made by the transport: those of an older key resume while that key is still among them, and
   * who resumes with TLS 1.3 gets another.
   */
  readonly ownTickets: boolean;
}

export const authority = new CertificateAuthority("The Contract's Authority");
export const stranger = new CertificateAuthority("Nobody's Authority");
export const identity = authority.issue({ names: [NAME, IPV4] });

export function certificate(
  of: TestIdentity = identity,
  names: readonly string[] = [],
  ocsp: Uint8Array | null = null,
): TlsCertificate {
  return { certPem: of.certPem, keyPem: of.keyPem, names, ocsp };
}

export function ticketKey(): Uint8Array {
  return randomBytes(TICKET_KEY_BYTES);
}

export function serverSettings(changes: Partial<TlsServerSettings> = {}): TlsServerSettings {
  return {
    certificates: [certificate()],
    minVersion: "TLSv1.2",
    alpn: [],
    ticketKeys: [],
    clientCertificate: { mode: "off", caPem: "", crlPem: "" },
    keyLogPath: "",
    ...changes,
  };
}

/** Asks for certificates of `authority`. */
export function asking(
  mode: TlsClientCertificateSettings["mode"],
  crlPem = "",
): { clientCertificate: TlsClientCertificateSettings } {
  return { clientCertificate: { mode, caPem: authority.rootPem, crlPem } };
}

export function clientSettings(changes: Partial<TlsClientSettings> = {}): TlsClientSettings {
  return {
    minVersion: "TLSv1.2",
    alpn: [],
    caPem: authority.rootPem,
    verifyPeer: true,
    serverName: NAME,
    verifyName: NAME,
    identity: null,
    keyLogPath: "",
    ...changes,
  };
}

/** Makes every connection secure that it accepts, with the context that it has at that time. */
export class TlsAcceptor extends Acceptor {
  context: TlsServerContext;
  /** Runs within `onAccept`. */
  onSecured: (own: Recorder) => void = () => {};
  readonly #transport: Transport;

  constructor(transport: Transport, context: TlsServerContext) {
    super();
    this.#transport = transport;
    this.context = context;
  }

  override onAccept(connection: Connection): ConnectionOwner | null {
    this.#transport.secure(connection, this.context);
    const owner = super.onAccept(connection);
    this.onSecured(this.recorders.at(-1) as Recorder);
    return owner;
  }
}

export interface Served {
  readonly port: number;
  readonly acceptor: TlsAcceptor;
  readonly context: TlsServerContext;
  /** The owner of the connection that came last. */
  last(): Recorder;
}

/** The transport listens with these settings. */
export async function serve(transport: Transport, changes: Partial<TlsServerSettings> = {}): Promise<Served> {
  const context = transport.tlsServer(serverSettings(changes));
  const listener = await transport.bind({ host: IPV4, port: 0, reusePort: true });
  const acceptor = new TlsAcceptor(transport, context);
  listener.accept(acceptor);
  return {
    port: listener.port,
    acceptor,
    context,
    last: () => acceptor.recorders.at(-1) as Recorder,
  };
}

/** The far end on node:tls. */
export class TlsPeer extends Peer {
  readonly tls: TLSSocket;
  secured = false;
  /** What OpenSSL says about the error, in lower case; empty: there was none. */
  reason = "";
  /** The newest that the server gave. */
  session: Buffer | undefined;

  constructor(socket: TLSSocket) {
    super(socket);
    this.tls = socket;
    socket.on("error", (error: Error & { reason?: string }) => {
      this.reason = (error.reason ?? error.message).toLowerCase();
      this.happened();
    });
    socket.on("session", (session: Buffer) => {
      this.session = session;
      this.happened();
    });
    socket.on("secureConnect", () => {
      this.secured = true;
      this.happened();
    });
  }

  /** Until the handshake is done or has failed. */
  async settled(): Promise<void> {
    await this.until("the handshake", () => this.secured || this.closed);
  }
}

/** node:tls takes it, and its type does not tell. */
const HALF_OPEN: object = { allowHalfOpen: true };

/** A client on node:tls, which trusts `authority`. */
export function dial(port: number, options: ConnectionOptions = {}): TlsPeer {
  const trust = { ca: authority.rootPem, servername: NAME };
  return new TlsPeer(connect({ host: IPV4, port, ...HALF_OPEN, ...trust, ...options }));
}

/** The owner's side of a handshake: agreed or not. */
export async function handshakeOf(own: Recorder): Promise<void> {
  await own.until("our handshake", () => own.has("connect") || own.closed !== null);
}

/** A client's connection that the transport has accepted and secured. */
export interface TlsPair extends Pair {
  readonly peer: TlsPeer;
}

/** A handshake that must succeed. */
export async function secured(served: Served, options: ConnectionOptions = {}): Promise<TlsPair> {
  const pair = await attempt(served, options);
  assert.equal(pair.own.closed, null);
  assert.equal(pair.peer.reason, "");
  return pair;
}

/** A handshake, however it ends on our side. */
export async function attempt(served: Served, options: ConnectionOptions = {}): Promise<TlsPair> {
  const before = served.acceptor.recorders.length;
  const peer = dial(served.port, options);
  await served.acceptor.until("the connection", () => served.acceptor.recorders.length > before);
  const own = served.acceptor.recorders[before] as Recorder;
  await handshakeOf(own);
  if (own.closed === null) await peer.settled();
  return { own, peer };
}

/** What has ended by TLS says why. */
export function assertTlsError(own: Recorder, reason: RegExp = /./): void {
  const closed = own.closed ?? "nothing";
  assert.ok(closed.startsWith(TLS_ERROR_PREFIX), `closed with "${closed}"`);
  assert.match(closed.slice(TLS_ERROR_PREFIX.length), reason);
  assert.ok(!own.has("end"), "a failure is no end");
}

/** A server on node:tls. */
export class ForeignServer extends Observed {
  readonly connections: TlsPeer[] = [];
  /** Of all connections. */
  receivedBytes = 0;
  port = 0;

  /** Closed with the test. */
  static async start(context: TestContext, options: TlsOptions = {}): Promise<ForeignServer> {
    const made = new ForeignServer();
    const { certPem, keyPem } = identity;
    const server = createServer({ cert: certPem, key: keyPem, allowHalfOpen: true, ...options });
    server.on("secureConnection", (socket: TLSSocket) => {
      socket.on("data", (data: Buffer) => {
        made.receivedBytes += data.length;
      });
      made.connections.push(new TlsPeer(socket));
      made.happened();
    });
    server.on("tlsClientError", () => {});
    server.listen(0, IPV4);
    await once(server, "listening");
    context.after(() => {
      for (const { socket } of made.connections) socket.destroy();
      server.close();
    });
    made.port = (server.address() as AddressInfo).port;
    return made;
  }

  /** The far end of a connection, by the order in which their handshakes were done. */
  async peer(index = 0): Promise<TlsPeer> {
    await this.until("the handshake on the far side", () => this.connections.length > index);
    return this.connections[index] as TlsPeer;
  }
}

/** The transport connects with these settings; returns when the handshake is over, one way or the other. */
export async function reach(
  transport: Transport,
  port: number,
  changes: Partial<TlsClientSettings> = {},
): Promise<Recorder> {
  return reachWith(transport, port, transport.tlsClient(clientSettings(changes)));
}

export async function reachWith(
  transport: Transport,
  port: number,
  context: ReturnType<Transport["tlsClient"]>,
): Promise<Recorder> {
  const own = new Recorder();
  own.connection = transport.connect({ host: IPV4, port, tls: context }, own);
  await handshakeOf(own);
  return own;
}

/** Both sides are this transport's. */
export async function ownPair(transport: Transport): Promise<{ client: Recorder; server: Recorder }> {
  const served = await serve(transport);
  const client = await reach(transport, served.port);
  await served.acceptor.until("the connection", () => served.acceptor.recorders.length === 1);
  const server = served.last();
  await handshakeOf(server);
  return { client, server };
}

/** An accepted connection with a client on node:tls. */
async function acceptedPair(transport: Transport): Promise<TlsPair> {
  return secured(await serve(transport, { ticketKeys: [ticketKey()] }));
}

/** An outgoing connection with a server on node:tls. */
async function connectedPair(transport: Transport, context: TestContext): Promise<TlsPair> {
  const server = await ForeignServer.start(context);
  const own = await reach(transport, server.port);
  assert.equal(own.closed, null);
  return { own, peer: await server.peer() };
}

const SIDES = { accepted: acceptedPair, connected: connectedPair } as const;

export type TlsPairTest = (transport: Transport, pair: TlsPair, context: TestContext) => Promise<void>;

/** Declares a test for accepted and for outgoing connections. */
export type BothTls = (what: string, body: TlsPairTest) => void;

export function bothSides({ name, make }: TlsTraits): BothTls {
  return (what, body) => {
    for (const [side, open] of Object.entries(SIDES)) {
      test(`${name}, TLS, ${side} connection: ${what}`, BOUND, async (context) => {
        const transport = make();
        context.after(() => transport.close());
        const pair = await open(transport, context);
        context.after(() => pair.peer.socket.destroy());
        await body(transport, pair, context);
      });
    }
  };
}

export type TransportTest = (transport: Transport, context: TestContext) => Promise<void>;

/** Declares a test with a transport of its own. */
export function alone({ name, make }: TlsTraits): (what: string, body: TransportTest) => void {
  return (what, body) => {
    test(`${name}, TLS: ${what}`, BOUND, async (context) => {
      const transport = make();
      context.after(() => transport.close());
      await body(transport, context);
    });
  };
}

/** Bytes to and fro, so that a connection is known to live. */
export async function echo(transport: Transport, { own, peer }: TlsPair, text = "ping"): Promise<void> {
  const before = own.receivedBytes;
  const peerBefore = peer.receivedBytes;
  peer.socket.write(text);
  await own.until("bytes", () => own.receivedBytes === before + text.length);
  transport.sendFrom(own.connection, Buffer.from(text), 0, text.length);
  transport.flush();
  await peer.until("bytes back", () => peer.receivedBytes === peerBefore + text.length);
}

/** A plain TCP connection to the port. */
export async function tcp(port: number): Promise<Peer> {
  const socket: Socket = connectTcp({ host: IPV4, port, allowHalfOpen: true, noDelay: true });
  await once(socket, "connect");
  return new Peer(socket);
}
