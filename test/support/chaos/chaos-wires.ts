/**
 * What the connections of the chaos test are made of: TCP, or TLS on it. A reset is one of TCP in either case,
 * so that what TLS has sealed and not sent is lost with it.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import { HOST } from "../addresses.ts";
import type { TestIdentity } from "../certificates.ts";
import { within } from "../wait-for.ts";

export interface ChaosWires {
  /** A server, not listening yet, with a connection that may be half closed for each client. */
  serve(take: (socket: Socket) => void): Server;
  /** A connection to the gateway. */
  connect(port: number, timeoutMs: number): Promise<Socket>;
  /** RST. */
  reset(socket: Socket): void;
}

const OPTIONS = { noDelay: true, allowHalfOpen: true } as const;

export const TCP_WIRES: ChaosWires = {
  serve: (take) => createServer(OPTIONS, take),
  async connect(port, timeoutMs) {
    const socket = connect({ host: HOST, port, ...OPTIONS });
    await opened(socket, "connect", timeoutMs);
    return socket;
  },
  reset: (socket) => void socket.resetAndDestroy(),
};

/** `identity`: what the backends show; whatever the gateway shows is taken. `alpn`: the protocol, if it has to be named. */
export function tlsWires({ certPem, keyPem }: TestIdentity, alpn: readonly string[] = []): ChaosWires {
  const agreed = alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] };
  const secureContext = createSecureContext({ cert: certPem, key: keyPem });
  /** The connections of TCP under those of TLS: only they can be reset. */
  const under = new WeakMap<Socket, Socket>();
  return {
    serve: (take) =>
      createServer(OPTIONS, (raw) => {
        const socket = new TLSSocket(raw, { isServer: true, secureContext, ...agreed, ...OPTIONS });
        under.set(socket, raw);
        raw.on("error", () => {});
        take(socket);
      }),
    async connect(port, timeoutMs) {
      const raw = connect({ host: HOST, port, ...OPTIONS });
      const options = { socket: raw, servername: "localhost", rejectUnauthorized: false };
      const socket = connectTls({ ...options, ...agreed, ...OPTIONS });
      under.set(socket, raw);
      await opened(socket, "secureConnect", timeoutMs);
      return socket;
    },
    reset(socket) {
      const raw = under.get(socket);
      if (raw?.destroyed === false) raw.resetAndDestroy();
      socket.destroy();
    },
  };
}

async function opened(socket: Socket, event: string, timeoutMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once(event, resolve);
  socket.once("error", reject);
  await within("a connection to the gateway", timeoutMs, promise);
}
