/**
 * The end of a client connection after everything was said: FIN, then a moment in which what the
 * client still sends is read and thrown away, before the kernel could turn unread bytes into RST and
 * with it lose the answer (RFC 9112 section 9.6; feature row A9.11). A client that is still reading
 * its response keeps the connection until it has it, or stalls.
 */
import type { Connection, Transport } from "../../fastpath/transport.ts";

/**
 * What is thrown away at most. A client that sends on is not read any more, and not cut either: it has as long
 * as any other to read its answer, which a reset could take away from it.
 */
const LINGER_BYTES = 256 * 1024;

/** How long the client's FIN is awaited once it has got everything. */
export const LINGER_MS = 1000;

export class Linger {
  readonly #transport: Transport;
  readonly #connection: Connection;
  /** Without progress of the response for so long, the client is given up. */
  readonly #stallMs: number;
  #receivedBytes = 0;
  #queuedBytes: number;
  #sinceMs: number;

  /** `saidAll`: the client promised to send nothing more, so that nothing of it has to be awaited. */
  constructor(
    transport: Transport,
    connection: Connection,
    since: { readonly nowMs: number; readonly stallMs: number; readonly saidAll: boolean },
  ) {
    this.#transport = transport;
    this.#connection = connection;
    this.#stallMs = since.stallMs;
    if (since.saidAll) transport.finish(connection);
    else transport.end(connection);
    this.#queuedBytes = transport.queuedBytes(connection);
    this.#sinceMs = since.nowMs;
  }

  /** More came in, and was thrown away. */
  received(bytes: number): void {
    this.#receivedBytes += bytes;
    if (this.#receivedBytes > LINGER_BYTES) this.#transport.pause(this.#connection);
  }

  /** Asked every `LINGER_MS`; true: it is over. */
  over(nowMs: number): boolean {
    const queued = this.#transport.queuedBytes(this.#connection);
    if (queued !== this.#queuedBytes) {
      this.#queuedBytes = queued;
      this.#sinceMs = nowMs;
    }
    return nowMs - this.#sinceMs >= (queued === 0 ? LINGER_MS : this.#stallMs);
  }
}
