/**
 * HTTP/2 for both peers of the chaos test: the codec of `wire/h2` on sockets, with an object for each stream.
 * (node:http2 fails an assertion of its own and ends the process under this load.)
 */
import type { Socket } from "node:net";
import type { Fault } from "../../../src/base/fault.ts";
import { H2Code } from "../../../src/wire/h2/error-code.ts";
import { H2Connection } from "../../../src/wire/h2/h2-connection.ts";
import type { H2Error } from "../../../src/wire/h2/h2-error.ts";
import { DEFAULT_H2_LIMITS } from "../../../src/wire/h2/h2-limits.ts";
import type { H2ClientOwner, H2ServerOwner } from "../../../src/wire/h2/h2-owner.ts";
import type { H2Stream } from "../../../src/wire/h2/h2-stream.ts";
import { RequestHead, ResponseHead } from "../../../src/wire/http/message.ts";
import { drive, SocketSink } from "../h2-net.ts";

/** Resets are what this is about. */
const LIMITS = { ...DEFAULT_H2_LIMITS, maxPeerResets: 1e9, maxErrorResets: 1e9 };

/** A stream; what is heard on it, and what may be done with it. */
export class ChaosStream {
  onRequest: (head: RequestHead) => void = () => {};
  onResponse: (head: ResponseHead) => void = () => {};
  onData: (part: Buffer) => void = () => {};
  onEnd: () => void = () => {};
  /** The last call; `whole`: both directions have ended in order. Not after `reset`. */
  onOver: (whole: boolean) => void = () => {};
  readonly session: ChaosSession;
  readonly stream: H2Stream;
  #paused = false;
  #heldBytes = 0;
  #over = false;

  constructor(session: ChaosSession, stream: H2Stream) {
    this.session = session;
    this.stream = stream;
    stream.user = this;
  }

  get writable(): boolean {
    return !this.#over;
  }

  /** Waits in memory until windows let it go. */
  write(bytes: Buffer): void {
    this.session.connection.sendData(this.stream, bytes, 0, bytes.length);
    this.session.flush();
  }

  end(): void {
    this.session.connection.sendEnd(this.stream, null);
    this.session.flush();
  }

  reset(): void {
    this.#over = true;
    this.session.connection.reset(this.stream, H2Code.cancel);
    this.session.flush();
  }

  /** What comes from now on fills the peer's window. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const bytes = this.#heldBytes;
    this.#heldBytes = 0;
    if (bytes > 0) this.session.connection.consumed(this.stream, bytes);
    this.session.flush();
  }

  /** Called by the session. */
  take(part: Buffer): void {
    this.#heldBytes += part.length;
    this.onData(part);
    if (!this.#paused) this.resume();
  }

  /** Called by the session. */
  finish(whole: boolean): void {
    this.#over = true;
    this.onOver(whole);
  }
}

export class ChaosSession implements H2ServerOwner, H2ClientOwner {
  readonly connection: H2Connection;
  /** Of a server: a stream has been opened. */
  onStream: (stream: ChaosStream) => void = () => {};
  onGoAway: (code: number) => void = () => {};
  readonly #socket: Socket;
  readonly #sink: SocketSink;
  readonly #heads = new WeakMap<H2Stream, RequestHead | ResponseHead>();
  #leaving = false;

  constructor(socket: Socket, role: "server" | "client") {
    this.#socket = socket;
    this.#sink = new SocketSink(socket);
    const clock = {
      get nowMs() {
        return performance.now();
      },
    };
    const common = { limits: LIMITS, sink: this.#sink, clock };
    this.connection =
      role === "server"
        ? new H2Connection({ role, owner: this, ...common })
        : new H2Connection({ role, owner: this, scheme: "https", ...common });
    drive(socket, this.#sink, this.connection);
    this.connection.start();
    this.flush();
  }

  open(head: RequestHead, ended: boolean): ChaosStream | null {
    const stream = this.connection.openStream(head, ended, {});
    return stream === null ? null : new ChaosStream(this, stream);
  }

  /** GOAWAY: takes no more streams, and closes behind those that there are. */
  leave(): void {
    if (this.#leaving) return;
    this.connection.goAway(H2Code.noError, this.connection.lastStreamId);
    this.#leaving = true;
    this.#settle();
  }

  flush(): void {
    this.#sink.flush();
  }

  requestHead(stream: H2Stream): RequestHead {
    const head = new RequestHead();
    this.#heads.set(stream, head);
    this.onStream(new ChaosStream(this, stream));
    return head;
  }

  responseHead(stream: H2Stream): ResponseHead {
    const head = new ResponseHead();
    this.#heads.set(stream, head);
    return head;
  }

  onRequest(stream: H2Stream): void {
    userOf(stream).onRequest(this.#heads.get(stream) as RequestHead);
  }

  onBadRequest(stream: H2Stream, fault: Fault): void {
    throw new Error(`stream ${stream.id}: ${fault.toString()}`);
  }

  onInformational(): void {}

  onResponse(stream: H2Stream): void {
    userOf(stream).onResponse(this.#heads.get(stream) as ResponseHead);
  }

  onData(stream: H2Stream, bytes: Buffer, start: number, end: number): void {
    userOf(stream).take(bytes.subarray(start, end));
  }

  onEnd(stream: H2Stream): void {
    userOf(stream).onEnd();
  }

  onStreamDrained(): void {}

  onStreamClosed(stream: H2Stream): void {
    userOf(stream).finish(true);
    this.#settle();
  }

  onStreamError(stream: H2Stream, error: H2Error): void {
    // The rest of a request is not wanted any more: the response stands.
    userOf(stream).finish(error.origin === "peer" && error.code === H2Code.noError);
    this.#settle();
  }

  onSettings(): void {}
  onPong(): void {}
  onConnectionError(): void {}

  #settle(): void {
    if (!this.#leaving || this.connection.streamCount > 0) return;
    this.flush();
    this.#socket.end();
  }
}

function userOf(stream: H2Stream): ChaosStream {
  return stream.user as ChaosStream;
}
