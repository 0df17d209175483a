/** What the HTTP/2 codec of a session tells: to the stream that it is about, or to the session. */
import type { H2Error } from "../../wire/h2/h2-error.ts";
import type { H2ClientOwner } from "../../wire/h2/h2-owner.ts";
import type { H2Stream } from "../../wire/h2/h2-stream.ts";
import type { Fields } from "../../wire/http/fields.ts";
import type { ResponseHead } from "../../wire/http/message.ts";
import type { SessionWatch } from "./session-watch.ts";
import type { UpstreamH2 } from "./upstream-h2.ts";
import type { UpstreamStream } from "./upstream-stream.ts";

export class SessionEvents implements H2ClientOwner {
  readonly #session: UpstreamH2;
  readonly #watch: SessionWatch;

  constructor(session: UpstreamH2, watch: SessionWatch) {
    this.#session = session;
    this.#watch = watch;
  }

  responseHead(stream: H2Stream): ResponseHead {
    return ownerOf(stream).head;
  }

  onInformational(stream: H2Stream): void {
    this.#watch.active();
    ownerOf(stream).informational();
  }

  onResponse(stream: H2Stream): void {
    this.#watch.active();
    ownerOf(stream).response();
  }

  onData(stream: H2Stream, bytes: Buffer, start: number, end: number): void {
    this.#watch.active();
    ownerOf(stream).data(bytes, start, end);
  }

  onEnd(stream: H2Stream, trailers: Fields): void {
    ownerOf(stream).end(trailers);
  }

  onStreamDrained(stream: H2Stream): void {
    ownerOf(stream).drained();
  }

  onStreamClosed(): void {
    this.#session.streamOver();
  }

  onStreamError(stream: H2Stream, error: H2Error): void {
    ownerOf(stream).failed(error);
    this.#session.streamOver();
  }

  onSettings(): void {
    this.#session.settingsReceived();
  }

  onGoAway(code: number, _lastId: number, text: string): void {
    this.#session.goAwayReceived(code, text);
  }

  onPong(): void {
    // That bytes have come is all that matters of it.
  }

  onConnectionError(error: H2Error): void {
    this.#session.protocolFailed(error);
  }
}

function ownerOf(stream: H2Stream): UpstreamStream {
  return stream.user as UpstreamStream;
}
