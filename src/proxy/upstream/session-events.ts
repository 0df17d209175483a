/** What the codec of a session tells of its streams: each call goes to the stream that it is about. */
import type { Fields } from "../../wire/http/fields.ts";
import type { ResponseHead } from "../../wire/http/message.ts";
import type { CodecError, CodecStream } from "../../wire/multiplexed/codec.ts";
import type { UpstreamStream } from "./upstream-stream.ts";

/** The session, as far as streams matter to it. */
export interface StreamsOwner {
  /** A stream has got something of its response. */
  streamActive(): void;
  /** A stream has ended, in whatever way. */
  streamOver(): void;
}

export class SessionEvents {
  readonly #owner: StreamsOwner;

  constructor(owner: StreamsOwner) {
    this.#owner = owner;
  }

  responseHead(stream: CodecStream): ResponseHead {
    return ownerOf(stream).head;
  }

  onInformational(stream: CodecStream): void {
    this.#owner.streamActive();
    ownerOf(stream).informational();
  }

  onResponse(stream: CodecStream): void {
    this.#owner.streamActive();
    ownerOf(stream).response();
  }

  onData(stream: CodecStream, bytes: Buffer, start: number, end: number): void {
    this.#owner.streamActive();
    ownerOf(stream).data(bytes, start, end);
  }

  onEnd(stream: CodecStream, trailers: Fields): void {
    ownerOf(stream).end(trailers);
  }

  onStreamDrained(stream: CodecStream): void {
    ownerOf(stream).drained();
  }

  onStreamClosed(): void {
    this.#owner.streamOver();
  }

  onStreamError(stream: CodecStream, error: CodecError): void {
    ownerOf(stream).failed(error);
    this.#owner.streamOver();
  }
}

function ownerOf(stream: CodecStream): UpstreamStream {
  return stream.user as UpstreamStream;
}
