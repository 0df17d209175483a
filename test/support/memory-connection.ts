/** The gateway's end of a connection of the memory transport: what waits to be delivered, what waits to be read. */
import type { TlsInfo, TlsServerContext } from "../../src/fastpath/tls.ts";
import type { Connection, ConnectionOwner } from "../../src/fastpath/transport.ts";

type Incoming =
  | { readonly kind: "connect" }
  | { readonly kind: "data"; readonly bytes: Buffer }
  | { readonly kind: "fin" };

export class MemoryConnection implements Connection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  owner: ConnectionOwner | null = null;
  /** What the handshake agreed on; the peer decides when that is. */
  tls: TlsInfo | null = null;
  /** Set by `secure`: the owner hears nothing before the handshake. */
  secured: TlsServerContext | null = null;
  connected = false;
  /** Set by the owner: neither bytes nor FIN are delivered. */
  paused = false;
  /** Set by the test: nothing is delivered, as if the event loop had not come round. */
  held = false;
  /** What the peer has read; it reads at once unless it stopped. */
  received: Buffer[] = [];
  peerReads = true;
  /** What the gateway sent and the peer has not read. */
  #unread: Buffer[] = [];
  queuedBytes = 0;
  blocked = false;
  /** The gateway said FIN, and where it stands now. */
  ending = false;
  ended = false;
  wasReset = false;
  /** The most that was ever queued. */
  maxQueuedBytes = 0;
  readonly #highWaterBytes: number;
  readonly #onClosed: () => void;
  readonly #incoming: Incoming[] = [];
  readonly #urgent: Incoming[] = [];
  #peerEnded = false;
  #drained = false;
  #finishing = false;
  /** Why it is closing; `null` while it is not. */
  #closing: string | null = null;
  #closed = false;

  constructor(
    ends: { remoteAddress: string; remotePort: number; localPort: number },
    highWaterBytes: number,
    onClosed: () => void,
  ) {
    this.remoteAddress = ends.remoteAddress;
    this.remotePort = ends.remotePort;
    this.localPort = ends.localPort;
    this.#highWaterBytes = highWaterBytes;
    this.#onClosed = onClosed;
  }

  /** Destroyed or closed: nothing passes any more. */
  get gone(): boolean {
    return this.#closed || this.#closing !== null;
  }

  /** Nothing has come that was not delivered, and nothing has ended. */
  get quiet(): boolean {
    return !this.gone && !this.#peerEnded && this.#incoming.length === 0;
  }

  /** Bytes that the peer sent and the owner has not taken. */
  get undeliveredBytes(): number {
    let total = 0;
    for (const event of this.#incoming) if (event.kind === "data") total += event.bytes.length;
    return total;
  }

  receive(event: Incoming): void {
    if (!this.gone) this.#incoming.push(event);
  }

  /** Ahead of what a pause holds back. */
  receiveNow(event: Incoming): void {
    if (!this.gone) this.#urgent.push(event);
  }

  fail(error: string): void {
    if (!this.gone) this.#closing = error;
  }

  transmit(bytes: Buffer): void {
    if (this.gone || this.ending || bytes.length === 0) return;
    if (this.peerReads) {
      this.received.push(bytes);
      return;
    }
    this.#unread.push(bytes);
    this.queuedBytes += bytes.length;
    this.maxQueuedBytes = Math.max(this.maxQueuedBytes, this.queuedBytes);
    if (this.queuedBytes >= this.#highWaterBytes) this.blocked = true;
  }

  /** The peer reads so many bytes. */
  read(maxBytes: number): void {
    let room = maxBytes;
    while (room > 0 && this.#unread.length > 0) {
      const first = this.#unread[0] as Buffer;
      const part = first.subarray(0, Math.min(room, first.length));
      if (part.length === first.length) this.#unread.shift();
      else this.#unread[0] = first.subarray(part.length);
      this.received.push(part);
      this.queuedBytes -= part.length;
      room -= part.length;
    }
    if (this.queuedBytes > 0) return;
    if (this.blocked) this.#drained = true;
    this.blocked = false;
    if (this.ending) this.ended = true;
    if (this.#finishing) this.#closing = "";
  }

  end(): void {
    this.ending = true;
    if (this.queuedBytes === 0) this.ended = true;
  }

  /** As `end`, and closes when the peer has read everything; hears nothing more. */
  finish(): void {
    this.#finishing = true;
    this.paused = true;
    this.end();
    if (this.ended) this.#closing = "";
  }

  destroy(reset: boolean): void {
    if (this.gone) return;
    this.wasReset = reset;
    this.#unread = [];
    this.queuedBytes = 0;
    this.#closing = "";
  }

  /** Hands one event to the owner; false when there is none to hand over. */
  deliver(): boolean {
    if (this.#closed || this.held) return false;
    if (this.#closing !== null) return this.#close(this.#closing);
    if (this.#drained) {
      this.#drained = false;
      this.owner?.onDrain();
      return true;
    }
    if (this.#peerEnded && this.ended) return this.#close("");
    const urgent = this.#urgent.shift();
    if (urgent !== undefined) {
      this.#handOver(urgent);
      return true;
    }
    const event = this.#incoming[0];
    if (event === undefined || (this.paused && event.kind !== "connect")) return false;
    this.#incoming.shift();
    this.#handOver(event);
    return true;
  }

  #handOver(event: Incoming): void {
    switch (event.kind) {
      case "connect":
        this.connected = true;
        this.owner?.onConnect();
        return;
      case "data": {
        const bytes = Buffer.concat([Buffer.from("<<"), event.bytes, Buffer.from(">>")]);
        this.owner?.onData(bytes, 2, bytes.length - 2);
        bytes.fill(0xee);
        return;
      }
      case "fin":
        this.#peerEnded = true;
        this.owner?.onEnd();
        return;
    }
  }

  #close(error: string): boolean {
    this.#closed = true;
    this.#onClosed();
    const { owner } = this;
    this.owner = null;
    owner?.onClose(error);
    return true;
  }
}
