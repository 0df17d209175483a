/**
 * One connection of HTTP/3 that makes load: a request on each of its places, and the next as soon as the
 * response is whole. Made by `h3-load-child.ts`.
 */
import type { QuicClose } from "../../src/fastpath/quic-engine.ts";
import type { QuicLink, QuicOwner } from "../../src/proxy/quic/quic-owner.ts";
import { H3Connection } from "../../src/wire/h3/h3-connection.ts";
import { DEFAULT_H3_LIMITS } from "../../src/wire/h3/h3-limits.ts";
import type { H3ClientOwner } from "../../src/wire/h3/h3-owner.ts";
import type { H3Clock } from "../../src/wire/h3/h3-sink.ts";
import type { H3Stream } from "../../src/wire/h3/h3-stream.ts";
import { HttpVersion, RequestHead, ResponseHead } from "../../src/wire/http/message.ts";

/** What the whole run has come to. */
export interface LoadTally {
  requests: number;
  errors: number;
  readonly latenciesMs: number[];
  /** Nothing more is asked for. */
  stopped: boolean;
  /** Of the run that counts requests; else `Infinity`. */
  requestsLeft: number;
}

export interface LoadTarget {
  readonly authority: string;
  readonly path: string;
  /** Requests at once. */
  readonly streams: number;
  /** Length of the body that must come back. */
  readonly answerBytes: number;
}

/** One request at a time; used again and again. */
class Place {
  readonly head = new ResponseHead();
  startMs = 0;
  bytes = 0;
}

export class H3ConnectionLoad implements QuicOwner, H3ClientOwner {
  /** Calls the parent when every place is at rest. */
  onRest: () => void = () => {};
  #h3!: H3Connection;
  #link!: QuicLink;
  readonly #tally: LoadTally;
  readonly #target: LoadTarget;
  readonly #request = new RequestHead();
  readonly #waiting: Place[] = [];

  constructor(target: LoadTarget, tally: LoadTally) {
    this.#target = target;
    this.#tally = tally;
    const request = this.#request;
    request.method = "GET";
    request.authority = target.authority;
    request.path = target.path;
    request.version = HttpVersion.http2;
    request.bodyLength = 0;
    for (let i = 0; i < target.streams; i++) this.#waiting.push(new Place());
  }

  attach(link: QuicLink, clock: H3Clock): void {
    this.#link = link;
    const limits = { ...DEFAULT_H3_LIMITS, maxConcurrentStreams: this.#target.streams };
    this.#h3 = new H3Connection({ role: "client", scheme: "https", limits, sink: link, clock, owner: this });
  }

  get atRest(): boolean {
    return this.#waiting.length === this.#target.streams;
  }

  close(): void {
    this.#h3.close(0x100, "");
    this.#link.flush();
  }

  onEstablished(): void {
    this.#h3.start();
    this.#ask();
  }

  onStreamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    this.#h3.streamData(id, bytes, start, end, fin);
    this.#ask();
  }

  onStreamReset(id: number, code: number): void {
    this.#h3.streamReset(id, code);
  }

  onStreamStopped(id: number, code: number): void {
    this.#h3.streamStopped(id, code);
  }

  onStreamWritable(id: number): void {
    this.#h3.streamWritable(id);
  }

  onStreamsAllowed(): void {
    this.#h3.streamsAllowed();
    this.#ask();
  }

  onDatagram(): void {}

  onClosed(reason: QuicClose): void {
    if (!this.#tally.stopped) this.#tally.errors += 1;
    this.#h3.closed(reason.reason);
    this.onRest();
  }

  responseHead(stream: H3Stream): ResponseHead {
    return (stream.user as Place).head;
  }

  onInformational(): void {}

  onResponse(stream: H3Stream): void {
    if ((stream.user as Place).head.status !== 200) this.#tally.errors += 1;
  }

  onData(stream: H3Stream, _bytes: Buffer, start: number, end: number): void {
    (stream.user as Place).bytes += end - start;
    this.#h3.consumed(stream, end - start);
  }

  onEnd(stream: H3Stream): void {
    const { startMs, bytes } = stream.user as Place;
    if (bytes !== this.#target.answerBytes) this.#tally.errors += 1;
    else if (!this.#tally.stopped) {
      this.#tally.requests += 1;
      this.#tally.latenciesMs.push(performance.now() - startMs);
    }
  }

  onStreamDrained(): void {}

  onStreamClosed(stream: H3Stream): void {
    this.#rest(stream);
  }

  onStreamError(stream: H3Stream): void {
    if (!this.#tally.stopped) this.#tally.errors += 1;
    this.#rest(stream);
  }

  onSettings(): void {}
  onGoAway(): void {}
  onConnectionError(): void {}

  #rest(stream: H3Stream): void {
    this.#waiting.push(stream.user as Place);
    if (this.#tally.stopped || this.#tally.requestsLeft === 0) this.onRest();
  }

  #ask(): void {
    const tally = this.#tally;
    while (!tally.stopped && tally.requestsLeft > 0 && this.#waiting.length > 0 && this.#h3.canOpenStream) {
      const place = this.#waiting.pop() as Place;
      place.bytes = 0;
      place.startMs = performance.now();
      tally.requestsLeft -= 1;
      this.#h3.openStream(this.#request, true, place);
    }
    this.#h3.flush();
  }
}
