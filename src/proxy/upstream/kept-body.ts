/**
 * The beginning of a request body, kept for as long as the request may have to be sent again: a backend
 * may say that it has not processed a request whose body was on its way (RFC 9113 section 8.7). Filled by
 * an HTTP/2 stream, or by a request that waits; replayed into the upstream that gets the request next.
 */
import { Fields } from "../../wire/http/fields.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";

export class KeptBody {
  bytes = 0;
  /** It was more than is kept: the request cannot be sent again. */
  lost = false;
  readonly #parts: Buffer[] = [];
  /** Of a body that has ended. */
  #trailers: Fields | null = null;

  get parts(): number {
    return this.#parts.length;
  }

  add(bytes: Buffer, start: number, end: number): void {
    this.bytes += end - start;
    this.#parts.push(Buffer.from(bytes.subarray(start, end)));
  }

  end(trailers: Fields): void {
    this.#trailers = new Fields();
    this.#trailers.addAll(trailers);
  }

  lose(): void {
    this.lost = true;
    this.#parts.length = 0;
  }

  /** Sends what is kept to the upstream that has begun with the request; returns whether it may be asked for more. */
  replay(exchange: Exchange, sink: RequestSink): boolean {
    let ready = true;
    for (const part of this.#parts) {
      if (exchange.upstream !== sink) return false;
      ready = sink.writeRequest(part, 0, part.length);
    }
    if (this.#trailers === null || exchange.upstream !== sink) return ready;
    sink.endRequest(this.#trailers);
    return false;
  }
}
