/**
 * Frames over a stream, as a client by hand sends and sees them: it masks, checks what the server may not do,
 * answers Close, and knows how the connection ended (RFC 6455 section 7).
 */
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import {
  CLOSE,
  closePayload,
  frame,
  type FrameSpec,
  PING,
  PONG,
  type ReadFrame,
  readFrames,
} from "./ws-frames.ts";

export type ChannelEvent =
  | { readonly kind: "message"; readonly payload: Buffer; readonly binary: boolean; readonly rsv: number }
  | { readonly kind: "ping" | "pong"; readonly payload: Buffer };

const CONTINUATION = 0;
const BINARY = 2;

export class FrameChannel {
  /** Takes what comes, in order. */
  onEvent: (event: ChannelEvent) => void = () => {};
  /** This side sent the first Close frame. */
  closedByMe = false;
  /** Both have sent a Close frame. */
  clean = false;
  /** Of the server's Close frame; `undefined`: it sent none, or one without a code. */
  remoteCode: number | undefined;
  /** What the server did that RFC 6455 does not allow. */
  violation: string | undefined;
  /** The stream is over. */
  ended = false;
  readonly #stream: Duplex;
  #rest: Buffer = Buffer.alloc(0);
  #fragments: Buffer[] = [];
  #first: ReadFrame | undefined;
  #closeSent = false;
  #closeReceived = false;
  #wake: (() => void)[] = [];

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", (bytes: Buffer) => this.#receive(bytes));
    // It was paused, so that nothing gets lost before somebody listens.
    stream.resume();
    stream.on("end", () => stream.end());
    stream.on("error", () => {});
    stream.on("close", () => {
      this.ended = true;
      this.#notify();
    });
  }

  /** `chop`: in pieces of so many octets. */
  send(spec: FrameSpec, chop = Infinity): void {
    this.sendBytes(frame({ ...spec, mask: randomBytes(4).readUInt32BE(0) }), chop);
  }

  sendBytes(bytes: Buffer, chop = Infinity): void {
    if (this.ended || this.#stream.writableEnded) return;
    for (let start = 0; start < bytes.length; start += chop)
      this.#stream.write(bytes.subarray(start, Math.min(bytes.length, start + chop)));
  }

  /** A Close frame with this payload; the first one of either side begins the closing handshake. */
  close(payload: Buffer): void {
    if (!this.#closeReceived) this.closedByMe = true;
    this.#closeSent = true;
    this.clean = this.#closeReceived;
    this.send({ opcode: CLOSE, payload });
  }

  /** Drops the connection. */
  drop(): void {
    this.#stream.destroy();
  }

  /** Resolves when the stream is over (true), or when the time is (false). */
  async over(ms: number): Promise<boolean> {
    return await this.until(() => false, ms);
  }

  /** Resolves when this holds, or the stream is over (true), or when the time is (false). */
  async until(holds: () => boolean, ms: number): Promise<boolean> {
    const deadline = performance.now() + ms;
    for (;;) {
      if (this.ended || holds()) return true;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await this.#woken(leftMs);
    }
  }

  #receive(bytes: Buffer): void {
    const { frames, rest } = readFrames(Buffer.concat([this.#rest, bytes]));
    this.#rest = rest;
    for (const each of frames) this.#take(each);
    this.#notify();
  }

  #take(read: ReadFrame): void {
    if (read.masked) this.violation ??= "the server masks";
    if (this.#closeReceived) this.violation ??= "something comes behind a Close frame";
    switch (read.opcode) {
      case CLOSE:
        this.#takeClose(read.payload);
        return;
      case PING:
        this.onEvent({ kind: "ping", payload: read.payload });
        this.send({ opcode: PONG, payload: read.payload });
        return;
      case PONG:
        this.onEvent({ kind: "pong", payload: read.payload });
        return;
      default:
        this.#takeData(read);
    }
  }

  #takeClose(payload: Buffer): void {
    this.#closeReceived = true;
    this.remoteCode = payload.length < 2 ? undefined : payload.readUInt16BE(0);
    if (!this.#closeSent)
      this.close(this.remoteCode === undefined ? Buffer.alloc(0) : closePayload(this.remoteCode));
    this.clean = true;
  }

  #takeData(read: ReadFrame): void {
    if ((read.opcode === CONTINUATION) !== (this.#first !== undefined))
      this.violation ??= "fragments out of order";
    this.#first ??= read;
    this.#fragments.push(read.payload);
    if (!read.fin) return;
    const first = this.#first;
    const payload = Buffer.concat(this.#fragments);
    this.#first = undefined;
    this.#fragments = [];
    this.onEvent({ kind: "message", payload, binary: first.opcode === BINARY, rsv: first.rsv });
  }

  #notify(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  #woken(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
