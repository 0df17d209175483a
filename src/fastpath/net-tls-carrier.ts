/**
 * The encrypted side of TLS on node:net: a TCP socket as the stream that a `TLSSocket` speaks through.
 * A `TLSSocket` on the socket itself tells the end of TCP and the end of TLS by the same event, so that
 * a connection that was cut could not be told from one that has ended. This one keeps the end of TCP to
 * itself: what the `TLSSocket` calls an end can only be close_notify (RFC 8446 section 6.1).
 * `net-connection.ts` makes them, and decides when TCP has ended and TLS has not.
 */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/**
 * Octets that may come without any for the owner among them. A flight of certificates fits (OpenSSL
 * takes 100 KiB of them), and so does what is buffered while the owner pauses; thousands of
 * KeyUpdates do not.
 */
const MAX_FRUITLESS_BYTES = 256 * 1024;

/** Read ahead while TLS takes nothing. */
const READ_AHEAD_BYTES = 16 * 1024;

type Written = (error?: Error | null) => void;

export class TlsCarrier extends Duplex {
  /** The errno name of what broke the socket; empty: nothing. */
  error = "";
  /** TCP has ended. */
  ended = false;
  onFin: () => void = () => {};
  onFlood: () => void = () => {};
  readonly #socket: Socket;
  #fruitlessBytes = 0;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true, autoDestroy: false, readableHighWaterMark: READ_AHEAD_BYTES });
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => this.#onData(bytes));
    socket.on("end", () => {
      this.ended = true;
      this.onFin();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? "EUNKNOWN";
    });
    // After an end it is for TLS to say that it has heard everything.
    socket.on("close", () => {
      if (!this.ended || this.error !== "") this.destroy();
    });
    socket.pause();
  }

  /** The owner got something: what came was not for nothing. */
  fruitful(): void {
    this.#fruitlessBytes = 0;
  }

  #onData(bytes: Buffer): void {
    this.#fruitlessBytes += bytes.length;
    if (this.#fruitlessBytes > MAX_FRUITLESS_BYTES) this.onFlood();
    else if (!this.push(bytes)) this.#socket.pause();
  }

  override _read(): void {
    this.#socket.resume();
  }

  /** An error of the socket comes by its own event, and ends this by its close. */
  override _write(bytes: Buffer, _encoding: BufferEncoding, written: Written): void {
    this.#socket.write(bytes, () => written());
  }

  override _writev(parts: { chunk: Buffer }[], written: Written): void {
    this.#socket.cork();
    for (let part = 0; part < parts.length - 1; part++)
      this.#socket.write((parts[part] as { chunk: Buffer }).chunk);
    this._write((parts[parts.length - 1] as { chunk: Buffer }).chunk, "buffer" as BufferEncoding, written);
    this.#socket.uncork();
  }

  override _final(written: Written): void {
    this.#socket.end();
    written();
  }

  override _destroy(_error: Error | null, destroyed: Written): void {
    this.#socket.destroy();
    destroyed();
  }
}
