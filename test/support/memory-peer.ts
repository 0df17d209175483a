/**
 * The far end of a connection of the memory transport: a client of the gateway, or one of its
 * backends. Everything it does takes effect before the call returns.
 */
import type { TlsInfo, TlsServerContext } from "../../src/fastpath/tls.ts";
import type { MemoryConnection } from "./memory-connection.ts";

/** What delivers events: the transport. */
interface Pump {
  pump(): void;
}

const TLS_INFO: TlsInfo = {
  version: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
  alpn: "",
  serverName: "",
  resumed: false,
  peerCertificate: null,
};

export class MemoryPeer {
  readonly #pump: Pump;
  readonly #connection: MemoryConnection;

  constructor(pump: Pump, connection: MemoryConnection) {
    this.#pump = pump;
    this.#connection = connection;
  }

  /** For the backend: completes the handshake. */
  accept(): void {
    this.#connection.receive({ kind: "connect" });
    this.#pump.pump();
  }

  /** The TLS handshake is over: the gateway sees what was agreed on. For backends, in place of `accept`. */
  handshake(info: Partial<TlsInfo> = {}): void {
    this.#connection.tls = { ...TLS_INFO, ...info };
    this.accept();
  }

  /** What the gateway secured the connection with; `null`: it did not. */
  get secured(): TlsServerContext | null {
    return this.#connection.secured;
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

  /** As `send`, with a read that was under way when the connection was paused. */
  sendNow(text: string): void {
    this.#connection.receiveNow({ kind: "data", bytes: Buffer.from(text, "latin1") });
    this.#pump.pump();
  }

  /** FIN: this end sends no more. */
  end(): void {
    this.#connection.receive({ kind: "fin" });
    this.#pump.pump();
  }

  /** As `end`, on a transport that tells of a FIN although the connection is paused. */
  endNow(): void {
    this.#connection.receiveNow({ kind: "fin" });
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

  /** Reads nothing from now on, but for what `read` takes. */
  stopReading(): void {
    this.#connection.peerReads = false;
  }

  startReading(): void {
    this.#connection.peerReads = true;
    this.read(Infinity);
  }

  read(maxBytes: number): void {
    this.#connection.read(maxBytes);
    this.#pump.pump();
  }

  /** Everything that was read so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.#connection.received);
  }

  get text(): string {
    return this.bytes.toString("latin1");
  }

  /** What was read since the last `take`. */
  take(): string {
    const { text } = this;
    this.#connection.received = [];
    return text;
  }

  /** How the gateway has ended its side: not yet, FIN, closed (without or after FIN), or RST. */
  get ending(): "open" | "fin" | "closed" | "reset" {
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
}
