/**
 * The line between a client of QUIC and a gateway, as a relay of datagrams in the test's process: it loses some
 * of them, falls silent, and moves the client to another port as a NAT does. For one client.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { HOST } from "./addresses.ts";
import type { CleanupScope } from "./gateway.ts";

const BUFFER_BYTES = 4 * 1024 * 1024;

interface Target {
  readonly host: string;
  readonly port: number;
}

export class UdpLine {
  /** Where the client sends to. */
  readonly port: number;
  /** Whether a datagram of this side arrives. */
  passes: (from: "client" | "gateway", bytes: Buffer) => boolean = () => true;
  readonly #near: Socket;
  readonly #target: Target;
  #far: Socket;
  readonly #former: Socket[] = [];
  #clientPort = 0;
  #closed = false;

  private constructor(near: Socket, far: Socket, target: Target) {
    this.#near = near;
    this.#far = far;
    this.#target = target;
    this.port = near.address().port;
    near.on("message", (bytes, from) => {
      this.#clientPort = from.port;
      if (this.passes("client", bytes)) this.deliver("client", bytes);
    });
    this.#listen(far);
  }

  /** `host`: where the gateway is, and the line's end beside it. */
  static async open(scope: CleanupScope, targetPort: number, host = HOST): Promise<UdpLine> {
    const line = new UdpLine(await bound(HOST), await bound(host), { host, port: targetPort });
    scope.after(() => line.#close());
    return line;
  }

  /** The port that the gateway sees the client at. */
  get seenPort(): number {
    return this.#far.address().port;
  }

  /** Hands a datagram of this side on to the other. */
  deliver(from: "client" | "gateway", bytes: Buffer): void {
    if (this.#closed) return;
    if (from === "client") this.#far.send(bytes, this.#target.port, this.#target.host);
    else this.#near.send(bytes, this.#clientPort, HOST);
  }

  /**
   * The client sends from another port from now on. It hears what comes to the ones before, too, as it does not leave
   * them at once; `forgotten`: it does, as when an address translator has forgotten it.
   */
  async move(forgotten = false): Promise<void> {
    const far = await bound(this.#target.host);
    if (forgotten) this.#far.removeAllListeners("message");
    this.#former.push(this.#far);
    this.#far = far;
    this.#listen(far);
  }

  /** The client is where it was before it moved. */
  moveBack(): void {
    const before = this.#former.pop();
    if (before === undefined) throw new Error("it has not moved");
    this.#former.push(this.#far);
    this.#far = before;
  }

  #listen(far: Socket): void {
    far.on("message", (bytes) => {
      if (this.#clientPort !== 0 && this.passes("gateway", bytes))
        this.#near.send(bytes, this.#clientPort, HOST);
    });
  }

  #close(): Promise<void> {
    this.#closed = true;
    for (const socket of [this.#near, this.#far, ...this.#former]) socket.close();
    return Promise.resolve();
  }
}

async function bound(host: string): Promise<Socket> {
  const type = host.includes(":") ? "udp6" : "udp4";
  const socket = createSocket({ type, recvBufferSize: BUFFER_BYTES, sendBufferSize: BUFFER_BYTES });
  // The port of a gateway that was killed refuses; nobody has to hear of it.
  socket.on("error", () => {});
  socket.bind(0, host);
  await once(socket, "listening");
  return socket;
}
