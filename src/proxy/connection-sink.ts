/** A connection of the transport as an HTTP/2 codec writes to it. Used in both directions. */
import type { Connection, Transport } from "../fastpath/transport.ts";
import type { H2Sink } from "../wire/h2/h2-sink.ts";

export class ConnectionSink implements H2Sink {
  readonly #transport: Transport;
  readonly #connection: Connection;

  constructor(transport: Transport, connection: Connection) {
    this.#transport = transport;
    this.#connection = connection;
  }

  get out(): Buffer {
    return this.#transport.out;
  }

  reserve(size: number): number {
    return this.#transport.reserve(size);
  }

  send(start: number, end: number): void {
    this.#transport.send(this.#connection, start, end);
  }

  blocked(): boolean {
    return this.#transport.blocked(this.#connection);
  }

  flush(): void {
    this.#transport.flush();
  }

  queuedBytes(): number {
    return this.#transport.queuedBytes(this.#connection);
  }
}
