/**
 * HTTP/2 connections of `wire/h2` on sockets of node:net, for tests and benches against other
 * implementations: the smallest adapter there can be.
 */
import type { Socket } from "node:net";
import type { H2Connection } from "../../src/wire/h2/h2-connection.ts";
import type { H2Sink } from "../../src/wire/h2/h2-sink.ts";

const ARENA_BYTES = 2 * 1024 * 1024;

/** Gathers what is sent, and writes it when a call into the connection is over. */
export class SocketSink implements H2Sink {
  out: Buffer = Buffer.allocUnsafeSlow(ARENA_BYTES);
  readonly #socket: Socket;
  #used = 0;
  #written = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  reserve(size: number): number {
    if (this.#used + size > this.out.length) {
      this.flush();
      this.out = Buffer.allocUnsafeSlow(ARENA_BYTES);
      this.#used = 0;
      this.#written = 0;
    }
    return this.#used;
  }

  send(_start: number, end: number): void {
    this.#used = end;
  }

  blocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  flush(): void {
    if (this.#used === this.#written) return;
    const part = this.out.subarray(this.#written, this.#used);
    this.#written = this.#used;
    // Whoever has ended its side has nothing more to say, as to what still comes.
    if (this.#socket.writable) this.#socket.write(Buffer.from(part));
    this.#used = 0;
    this.#written = 0;
  }

  queuedBytes(): number {
    return this.#socket.writableLength + this.#used - this.#written;
  }
}

/** Connects the two: what the socket brings goes into the connection, and the end of each ends the other. */
export function drive(socket: Socket, sink: SocketSink, connection: H2Connection): void {
  socket.setNoDelay(true);
  socket.on("data", (bytes: Buffer) => {
    if (connection.open) connection.receive(bytes, 0, bytes.length);
    sink.flush();
    if (!connection.open) socket.end();
  });
  socket.on("drain", () => {
    connection.onSinkDrained();
    sink.flush();
  });
  socket.on("error", () => {});
  socket.on("close", () => connection.close("closed"));
}
