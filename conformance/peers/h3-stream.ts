/**
 * A request stream of HTTP/3 as a Duplex of its DATA, whatever peer carries it: heads and trailers come as
 * events, resets by code (RFC 9114 section 8.1, RFC 9000 section 2.4). Reading slowly and writing too fast
 * reach the other side's flow control, through the peer. `h3-client.ts` and `h3-server.ts` make them.
 */
import { constants } from "node:http2";
import { Duplex } from "node:stream";
import type { PeerProcess } from "./peer-process.ts";

/** RFC 9114 section 8.1. */
export const H3_NO_ERROR = 0x100;
export const H3_INTERNAL_ERROR = 0x102;
export const H3_EXCESSIVE_LOAD = 0x107;
export const H3_REQUEST_REJECTED = 0x10b;
export const H3_REQUEST_CANCELLED = 0x10c;

/** What a code of HTTP/2 is in HTTP/3, as far as they have the same meaning. */
export function codeOfH3(code: number): number {
  switch (code) {
    case constants.NGHTTP2_NO_ERROR:
      return H3_NO_ERROR;
    case constants.NGHTTP2_REFUSED_STREAM:
      return H3_REQUEST_REJECTED;
    case constants.NGHTTP2_CANCEL:
      return H3_REQUEST_CANCELLED;
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      return H3_EXCESSIVE_LOAD;
    default:
      return H3_INTERNAL_ERROR;
  }
}

/** For want of a code, when the connection went. */
const LOST = -1;

/** Names and values, in wire order. */
export type FieldPairs = readonly (readonly [string, string])[];

/** One DATA frame is no larger. */
const PART_BYTES = 64 * 1024;
/** Of data that the peer has got and the other side has not confirmed. */
const MAX_IN_FLIGHT_BYTES = 1024 * 1024;

export interface HeadEvent {
  readonly headers: FieldPairs;
  readonly end: boolean;
}

export class H3Stream extends Duplex {
  /** Each head, with 1xx ones, and then the trailers. */
  onHeaders: (event: HeadEvent) => void = () => {};
  /** Of the reset that came, or of the STOP_SENDING, whichever was first. */
  rstCode = 0;
  readonly #peer: PeerProcess;
  readonly #id: number;
  /** Parts that wait until less is in flight. */
  readonly #waiting: Buffer[] = [];
  #inFlight = 0;
  /** Octets of the write that is under way, and those of them that wait. */
  #current = 0;
  #waitingBytes = 0;
  readonly #arrived: (() => void)[] = [];
  #written: (() => void) | undefined;
  #held = false;
  /** The other side reads nothing more. */
  #deaf = false;
  #endSent = false;
  /** The other side's end has come, whether it has been read or not. */
  #endCame = false;
  /** Nothing is to be said at its end. */
  #silent = false;

  constructor(peer: PeerProcess, id: number) {
    super({ readableHighWaterMark: PART_BYTES, writableHighWaterMark: MAX_IN_FLIGHT_BYTES });
    this.#peer = peer;
    this.#id = id;
    this.on("error", () => undefined);
    peer.listen(id, (kind, payload) => this.#take(kind, payload));
  }

  sendHeaders(headers: FieldPairs, end: boolean): void {
    if (end) this.#endSent = true;
    this.#peer.sendJson("H", this.#id, { headers, end });
  }

  /** The head was sent with the end. */
  ended(): void {
    this.#endSent = true;
    this.end();
  }

  /** Ends with trailers, once all data has arrived. */
  endWith(trailers: FieldPairs, done: () => void = () => {}): void {
    this.write(Buffer.alloc(0), () => {
      this.sendHeaders(trailers, true);
      this.end(done);
    });
  }

  /** Its connection is no more. */
  lost(): void {
    this.rstCode ||= LOST;
    this.#silent = true;
    this.destroy();
  }

  /** Both directions, at once. */
  reset(code: number): void {
    this.#peer.sendJson("R", this.#id, code);
    if (!this.#endCame) this.stop(code);
    this.#silent = true;
    this.destroy();
  }

  /** STOP_SENDING. */
  stop(code: number): void {
    this.#peer.sendJson("S", this.#id, code);
  }

  /** Octets that were written and have not arrived. */
  get unsent(): number {
    return this.writableLength - this.#current + this.#waitingBytes + this.#inFlight;
  }

  /** Calls when all that was written has arrived, or will not any more. */
  onceArrived(then: () => void): void {
    if (this.unsent > 0 && !this.destroyed) this.#arrived.push(then);
    else then();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    for (let start = 0; start < chunk.length; start += PART_BYTES)
      this.#waiting.push(chunk.subarray(start, start + PART_BYTES));
    this.#current = chunk.length;
    this.#waitingBytes = chunk.length;
    this.#written = done;
    this.#sendParts();
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "binary", done);
  }

  override _final(done: () => void): void {
    if (!this.#endSent && !this.#deaf) this.#peer.send("E", this.#id);
    this.#endSent = true;
    done();
  }

  override _read(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#peer.send("G", this.#id);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const code = error === null ? H3_REQUEST_CANCELLED : H3_INTERNAL_ERROR;
    if (!this.#silent && !this.#endSent) this.#peer.sendJson("R", this.#id, code);
    if (!this.#silent && !this.#endCame && this.rstCode === 0) this.stop(code);
    this.#peer.forget(this.#id);
    this.#tellArrived();
    done(null);
  }

  #take(kind: string, payload: Buffer): void {
    switch (kind) {
      case "h":
        this.#takeHeaders(JSON.parse(payload.toString()) as HeadEvent);
        return;
      case "d":
        if (this.push(payload) || this.#held) return;
        this.#held = true;
        this.#peer.send("P", this.#id);
        return;
      case "e":
        this.endCame();
        return;
      case "w":
        this.#confirm(Number(payload.toString()));
        return;
      case "r":
        this.rstCode ||= Number(payload.toString());
        this.destroy();
        return;
      case "s":
        this.stopped(Number(payload.toString()));
    }
  }

  #takeHeaders(event: HeadEvent): void {
    this.onHeaders(event);
    if (event.end) this.endCame();
  }

  /** Nothing comes behind what has come. */
  endCame(): void {
    this.#endCame = true;
    this.push(null);
  }

  get receiving(): boolean {
    return !this.#endCame;
  }

  /** The other side reads nothing more: what is still to be written goes nowhere. */
  protected stopped(code: number): void {
    void code;
    this.#deaf = true;
    this.#inFlight = 0;
    this.#sendParts();
  }

  #confirm(octets: number): void {
    if (this.#deaf) return;
    this.#inFlight -= octets;
    this.#sendParts();
  }

  #sendParts(): void {
    if (this.#deaf) this.#waiting.length = 0;
    while (this.#waiting.length > 0 && this.#inFlight < MAX_IN_FLIGHT_BYTES) {
      const part = this.#waiting.shift();
      if (part === undefined) break;
      this.#inFlight += part.length;
      this.#waitingBytes -= part.length;
      this.#peer.send("D", this.#id, part);
    }
    if (this.#waiting.length === 0) this.#finishWrite();
    if (this.unsent === 0) this.#tellArrived();
  }

  #finishWrite(): void {
    const done = this.#written;
    this.#written = undefined;
    this.#current = 0;
    this.#waitingBytes = 0;
    done?.();
  }

  #tellArrived(): void {
    for (const then of this.#arrived.splice(0)) then();
  }
}
