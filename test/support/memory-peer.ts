/**
 * The far end of a connection of the memory transport: a client of the gateway, or one of its
 * backends. Everything it does takes effect before the call returns.
 */
import type { MemoryConnection } from "./memory-connection.ts";

/** What delivers events: the transport. */
interface Pump {
  pump(): void;
}

export class MemoryPeer {
  readonly #pump: Pump;
  readonly #connection: MemoryConnection;
  #reading = true;
  #received: Buffer[] = [];

  constructor(pump: Pump, connection: MemoryConnection) {
    this.#pump = pump;
    this.#connection = connection;
  }

  /** For the backend: completes the handshake. */
  accept(): void {
    this.#connection.receive({ kind: "connect" });
    this.#pump.pump();
  }

  /** The connection fails: a refused dial, a reset, a timeout of the kernel. */
  fail(error: string): void {
    this.#connection.fail(error);
    this.#pump.pump();
  }

  /** Sends text (as Latin-1) or bytes, which arrive in one piece. */
  send(data: string | Buffer): void {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    this.#connection.receive({ kind: "data", bytes });
    this.#pump.pump();
  }

  /** FIN: this end sends no more. */
  end(): void {
    this.#connection.receive({ kind: "fin" });
    this.#pump.pump();
  }

  /** What this end does from now on is not told to the gateway until `release`. */
  hold(): void {
    this.#connection.held = true;
  }

  release(): void {
    this.#connection.held = false;
    this.#pump.pump();
  }

  /** Reads nothing from now on. */
  stopReading(): void {
    this.#collect();
    this.#reading = false;
  }

  startReading(): void {
    this.#reading = true;
    this.#settle();
  }

  /** Reads so many bytes while reading is stopped otherwise. */
  read(maxBytes: number): void {
    const bytes = this.#connection.read(maxBytes);
    if (bytes.length > 0) this.#received.push(bytes);
    this.#pump.pump();
  }

  /** Everything that has come so far. */
  get bytes(): Buffer {
    this.#settle();
    return Buffer.concat(this.#received);
  }

  get text(): string {
    return this.bytes.toString("latin1");
  }

  /** What has come since the last `take`. */
  take(): string {
    const { text } = this;
    this.#received = [];
    return text;
  }

  /** How the gateway has ended its side: not yet, FIN, closed (without or after FIN), or RST. */
  get ending(): "open" | "fin" | "closed" | "reset" {
    this.#settle();
    const { gone, wasReset, ended } = this.#connection;
    if (gone) return wasReset ? "reset" : "closed";
    return ended ? "fin" : "open";
  }

  /** The gateway does not want to receive now. */
  get paused(): boolean {
    return this.#connection.paused;
  }

  /** What this end sent and the gateway has not taken yet. */
  get undeliveredBytes(): number {
    return this.#connection.undeliveredBytes;
  }

  /** What the gateway holds for this end now, and what it held at most. */
  get queuedBytes(): number {
    return this.#connection.queuedBytes;
  }

  get maxQueuedBytes(): number {
    return this.#connection.maxQueuedBytes;
  }

  /** Reading makes room, which makes the gateway send more, which is to be read. */
  #settle(): void {
    while (this.#collect()) this.#pump.pump();
  }

  #collect(): boolean {
    if (!this.#reading || this.#connection.queuedBytes === 0) return false;
    this.#received.push(this.#connection.read(Infinity));
    return true;
  }
}
