/**
 * Clients of QUIC on the loopback interface, for tests that drive a gateway from outside: our own client
 * endpoint over node:dgram, in the test's process. What they speak is up to their owners: `H3User` is a client
 * of HTTP/3, `NotingOwner` says and hears octets.
 */
import { Clock } from "../../src/base/clock.ts";
import { DgramUdp } from "../../src/fastpath/dgram-udp.ts";
import type { QuicClientContext, QuicTransportSettings } from "../../src/fastpath/quic-engine.ts";
import type { QuicheClientContext } from "../../src/fastpath/quiche-context.ts";
import { QuicClientEndpoint } from "../../src/proxy/quic/client-endpoint.ts";
import type { QuicConnection } from "../../src/proxy/quic/quic-connection.ts";
import type { QuicOwner } from "../../src/proxy/quic/quic-owner.ts";
import { HOST } from "./addresses.ts";
import type { CleanupScope } from "./gateway.ts";
import { H3User } from "./h3-user.ts";
import { udpAddress } from "./memory-udp.ts";
import type { NotingOwner } from "./quic-owners.ts";
import { QuicWorld, TRANSPORT } from "./quic-world.ts";
import { waitFor } from "./wait-for.ts";

export interface DialOptions {
  /** Default: the address of this process. */
  readonly host?: string;
  /** Default: `localhost`. */
  readonly serverName?: string;
  /** Whom this one trusts; default: whom all do. */
  readonly caPem?: string;
  /** Default: `h3`. */
  readonly alpn?: readonly string[];
  readonly transport?: Partial<QuicTransportSettings>;
  /** Sends what it can in its first flight when it comes back. */
  readonly earlyData?: boolean;
  /** A file for the secrets of the connection; default: none. */
  readonly keyLogPath?: string;
}

const HANDSHAKE_LIMIT_MS = 15_000;

/** Longer than any test waits: it is the gateway's timeouts that are to be seen. */
const IDLE_TIMEOUT_MS = 60_000;

export class QuicUsers {
  readonly world: QuicWorld;
  readonly #endpoint: QuicClientEndpoint;
  readonly #caPem: string;
  /** Of those with early data, who have to know each other's sessions; nobody else comes back. */
  #returning: QuicClientContext | null = null;

  private constructor(world: QuicWorld, endpoint: QuicClientEndpoint, caPem: string) {
    this.world = world;
    this.#endpoint = endpoint;
    this.#caPem = caPem;
  }

  /** `caPem`: whom they trust. Everything closes when the scope ends. */
  static async open(scope: CleanupScope, caPem = ""): Promise<QuicUsers> {
    const clock = new Clock();
    const sockets = new DgramUdp(clock);
    const world = await QuicWorld.open(sockets, clock);
    const environment = world.environment();
    const endpoint = await QuicClientEndpoint.open({
      environment,
      sockets,
      maxSendPayloadBytes: TRANSPORT.maxSendPayloadBytes,
    });
    scope.after(() => {
      endpoint.close();
      world.close();
      return Promise.resolve();
    });
    return new QuicUsers(world, endpoint, caPem);
  }

  /** Begins a connection to a port of this machine. */
  dial(port: number, owner: QuicOwner, options: DialOptions = {}): QuicConnection {
    const { serverName = "localhost", host = HOST } = options;
    const transport = { ...TRANSPORT, maxIdleTimeoutMs: IDLE_TIMEOUT_MS, ...options.transport };
    const context = this.#context(options, serverName, transport);
    const remote = udpAddress(host, port);
    const link = this.#endpoint.connect({ context, transport, remote, serverName }, owner);
    if (link === null) throw new Error("the engine takes no connection");
    return link;
  }

  /** Begins a connection that speaks HTTP/3. */
  beginH3(port: number, options: DialOptions = {}): H3User {
    const user = new H3User();
    user.begin(this.dial(port, user, options), this.world.clock);
    return user;
  }

  /** One whose handshake is done, and that knows the gateway's SETTINGS. */
  async h3(port: number, options: DialOptions = {}): Promise<H3User> {
    const user = this.beginH3(port, options);
    await waitFor("an HTTP/3 connection", () => user.connection.settled || user.closed !== null, {
      timeoutMs: HANDSHAKE_LIMIT_MS,
      everyMs: 2,
    });
    if (user.closed !== null) throw new Error(`the handshake failed: ${JSON.stringify(user.closed)}`);
    return user;
  }

  /** A connection whose streams the test writes itself, octet by octet. */
  async raw<T extends NotingOwner>(port: number, owner: T, options: DialOptions = {}): Promise<T> {
    owner.link = this.dial(port, owner, options);
    await waitFor("a QUIC connection", () => owner.established || owner.closed !== null, {
      timeoutMs: HANDSHAKE_LIMIT_MS,
      everyMs: 2,
    });
    if (!owner.established) throw new Error(`the handshake failed: ${JSON.stringify(owner.closed)}`);
    return owner;
  }

  #context(options: DialOptions, serverName: string, transport: QuicTransportSettings): QuicClientContext {
    const { alpn = ["h3"], earlyData = false, keyLogPath = "" } = options;
    if (earlyData && this.#returning !== null) return this.#returning;
    const context = this.world.engine.client({
      transport,
      alpn,
      caPem: options.caPem ?? this.#caPem,
      verifyPeer: true,
      serverName,
      verifyName: serverName,
      keyLogPath,
    });
    if (!earlyData) return context;
    (context as QuicheClientContext).config.enableEarlyData();
    this.#returning = context;
    return context;
  }
}
