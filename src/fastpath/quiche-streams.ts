/**
 * The streams of a connection on quiche: what `QuicConnectionEngine` says of streams, with quiche's
 * exceptions and `null`s turned into `StreamResult`s. Called by `quiche-connection.ts`.
 */
import type { Quiche } from "@matrixai/quic/native/quiche.js";
import type { Connection } from "@matrixai/quic/native/types.js";
import { assert } from "../base/assert.ts";
import { MAX_QUIC_INTEGER, StreamResult } from "./quic-engine.ts";
import { quicheFailure } from "./quiche-errors.ts";
import { QuicheStreamEnds } from "./quiche-stream-ends.ts";

/** quiche sends the lowest of 0 to 255 first, and 127 unless it is told: urgency 3 (RFC 9218 section 4.1). */
const URGENCY_OFFSET = 124;
const MAX_URGENCY = 7;

/** Reads that one `stopSending` makes at most: 16 MiB in all, above the windows that are of use. */
const MAX_DISCARDS = 1024;
const DISCARD_BYTES = 16_384;

export class QuicheStreams {
  readonly #quiche: Quiche;
  readonly #native: Connection;
  readonly #ends: QuicheStreamEnds;
  #fin = false;
  #code = 0;

  constructor(quiche: Quiche, native: Connection, role: "server" | "client") {
    this.#quiche = quiche;
    this.#native = native;
    // A reset that was not read is the end to quiche already.
    this.#ends = new QuicheStreamEnds(role, (id) => native.streamFinished(id) && !native.streamReadable(id));
  }

  get fin(): boolean {
    return this.#fin;
  }

  get code(): number {
    return this.#code;
  }

  isReadable(id: number): boolean {
    return this.#ends.canReceive(id) && !this.#ends.isOver(id) && this.#native.streamReadable(id);
  }

  listReadable(into: number[]): number {
    into.length = 0;
    for (const id of this.#native.readable()) into.push(id);
    return into.length;
  }

  read(id: number, target: Buffer, start: number, end: number): number {
    this.#fin = false;
    if (!this.#ends.canReceive(id)) return StreamResult.unknown;
    if (this.#ends.isOver(id)) return StreamResult.blocked;
    try {
      const read = this.#native.streamRecv(id, target.subarray(start, end));
      if (read === null) return StreamResult.blocked;
      if (read[1]) {
        this.#fin = true;
        this.#ends.receiveEnd(id);
      }
      return read[0];
    } catch (error) {
      return this.#readFailed(id, error);
    }
  }

  capacity(id: number): number {
    if (!this.#ends.canSend(id)) return StreamResult.unknown;
    try {
      return this.#native.streamCapacity(id);
    } catch (error) {
      return this.#writeFailed(id, error);
    }
  }

  write(id: number, bytes: Uint8Array, fin: boolean): number {
    if (!this.#ends.canSend(id)) return StreamResult.unknown;
    let taken: number | null;
    try {
      taken = this.#native.streamSend(id, bytes, fin);
    } catch (error) {
      return this.#writeFailed(id, error);
    }
    // Blocked, or quiche knows the stream no more.
    if (taken === null) return Math.min(this.capacity(id), StreamResult.blocked);
    if (fin && taken === bytes.length) this.#ends.sendEnd(id);
    else this.#ends.sendBegun(id);
    return taken;
  }

  reset(id: number, code: number): void {
    assertCode(code);
    if (!this.#ends.canSend(id)) return;
    if (this.#native.streamShutdown(id, this.#quiche.Shutdown.Write, code) !== null) this.#ends.sendEnd(id);
  }

  /**
   * What has come and was not read is read first: quiche gives the peer no credit of the connection's
   * window for octets that it drops itself, so that streams stopped again and again would use it up.
   */
  stop(id: number, code: number): void {
    assertCode(code);
    if (!this.#ends.canReceive(id) || this.#ends.receiveIsOver(id)) return;
    this.#discard(id);
    if (this.#ends.receiveIsOver(id)) return;
    if (this.#native.streamShutdown(id, this.#quiche.Shutdown.Read, code) !== null)
      this.#ends.receiveOver(id);
  }

  prioritise(id: number, urgency: number, incremental: boolean): void {
    assert(urgency >= 0 && urgency <= MAX_URGENCY, "an urgency is 0 to 7");
    if (!this.#ends.canSend(id)) return;
    try {
      this.#native.streamPriority(id, URGENCY_OFFSET + urgency, incremental);
    } catch {
      // A stream that the peer has not opened, or that we may not open yet.
    }
  }

  finished(id: number): boolean {
    return this.#ends.finished(id);
  }

  #discard(id: number): void {
    const scratch = Buffer.allocUnsafe(DISCARD_BYTES);
    for (let i = 0; i < MAX_DISCARDS && this.#native.streamReadable(id); i++)
      if (this.read(id, scratch, 0, scratch.length) < 0) return;
  }

  #readFailed(id: number, error: unknown): number {
    const failure = quicheFailure(error);
    switch (failure.kind) {
      case "reset":
        this.#code = failure.code;
        this.#ends.receiveOver(id);
        return StreamResult.ended;
      case "blocked":
        return StreamResult.blocked;
      case "no-stream":
      case "stopped":
      case "other":
        this.#ends.forget(id);
        return StreamResult.unknown;
    }
  }

  #writeFailed(id: number, error: unknown): number {
    const failure = quicheFailure(error);
    switch (failure.kind) {
      case "stopped":
        this.#code = failure.code;
        this.#ends.sendEnd(id);
        return StreamResult.ended;
      case "blocked":
        return StreamResult.blocked;
      case "no-stream":
      case "reset":
      case "other":
        return StreamResult.unknown;
    }
  }
}

/** quiche aborts the process for a code that is no variable-length integer. */
export function assertCode(code: number): void {
  assert(Number.isInteger(code) && code >= 0 && code <= MAX_QUIC_INTEGER, "an error code is a whole number");
}
