/** Between UDP clients and a server on loopback: can be led to another server, and cut. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

const HOST = "127.0.0.1";

export class UdpWire {
  /** Where datagrams of clients go. */
  to: number;
  /** False: datagrams are lost in both directions. */
  joined = true;
  readonly #front = createSocket("udp4");
  /** By the client's port. */
  readonly #backs = new Map<number, Socket>();

  private constructor(to: number) {
    this.to = to;
    this.#front.on("message", (bytes, { port }) => {
      if (this.joined) this.#back(port).send(bytes, this.to, HOST);
    });
  }

  static async open(to: number): Promise<UdpWire> {
    const wire = new UdpWire(to);
    wire.#front.bind(0, HOST);
    await once(wire.#front, "listening");
    return wire;
  }

  get port(): number {
    return this.#front.address().port;
  }

  /** Nobody listens on the port any more. */
  async close(): Promise<void> {
    for (const back of this.#backs.values()) back.close();
    this.#front.close();
    await once(this.#front, "close");
  }

  #back(client: number): Socket {
    const known = this.#backs.get(client);
    if (known !== undefined) return known;
    const back = createSocket("udp4");
    back.on("message", (bytes) => {
      if (this.joined) this.#front.send(bytes, client, HOST);
    });
    this.#backs.set(client, back);
    return back;
  }
}
