/**
 * The streams of a connection on quiche: what `QuicConnectionEngine` says of streams, with quiche's
 * exceptions and `null`s turned into `StreamResult`s. Called by `quiche-connection.ts`.
 */
import type { Quiche } from "@matrixai/quic/native/quiche.js";
import type { Connection } from "@matrixai/quic/native/types.js";
import { assert } from "../base/assert.ts";
import { MAX_QUIC_INTEGER, type QuicTransportSettings, StreamResult } from "./quic-engine.ts";
import { quicheFailure } from "./quiche-errors.ts";
import { QuicheLostWindow } from "./quiche-lost-window.ts";
import { QuicheStopCodes } from "./quiche-stop-codes.ts";
import { QuicheStreamEnds } from "./quiche-stream-ends.ts";
import { QuicheWear } from "./quiche-wear.ts";
import { lostWindowLimits } from "./quiche-windows.ts";

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
  readonly #wear: QuicheWear;
  readonly #lostWindow: QuicheLostWindow;
  readonly #stopCodes: QuicheStopCodes;
  #fin = false;
  #code = 0;

  constructor(
    quiche: Quiche,
    native: Connection,
    role: "server" | "client",
    settings: QuicTransportSettings,
  ) {
    this.#quiche = quiche;
    this.#native = native;
    // A reset that was not read is the end to quiche already.
    this.#ends = new QuicheStreamEnds(role, (id) => native.streamFinished(id) && !native.streamReadable(id));
    this.#wear = new QuicheWear(role, settings, (id) => this.#isKnown(id));
    this.#lostWindow = new QuicheLostWindow(lostWindowLimits(settings));
    this.#stopCodes = new QuicheStopCodes(native.sourceId().length);
  }

  get worn(): boolean {
    return this.#wear.worn || this.#lostWindow.exceeded;
  }

  get fin(): boolean {
    return this.#fin;
  }

  get code(): number {
    return this.#code;
  }

  /** A packet has come. */
  received(octets: number): void {
    this.#lostWindow.received(octets);
  }

  /** quiche has taken a packet, which is decrypted where it is. */
  decrypted(bytes: Buffer, start: number, end: number): void {
    this.#stopCodes.received(bytes, start, end);
  }

  /** Some stream may have something to read. */
  get anyReadable(): boolean {
    const readable = this.#native.isReadable();
    if (!readable) this.#lostWindow.allRead();
    return readable;
  }

  isReadable(id: number): boolean {
    if (!this.#ends.canReceive(id) || this.#ends.isOver(id)) return false;
    const readable = this.#native.streamReadable(id);
    if (!readable) this.#lostWindow.read(id, 0, true);
    return readable;
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
    if (start === end) return this.#readEnd(id);
    return this.#read(id, target.subarray(start, end));
  }

  /**
   * A reset, or an end that nothing unread is before: quiche calls both finished while they are to be read. It
   * must not be asked with no room: of an end, it would go on to call a stream readable that it has forgotten.
   */
  #readEnd(id: number): number {
    const ended = this.#native.streamReadable(id) && this.#native.streamFinished(id);
    return ended ? this.#read(id, new Uint8Array(1)) : StreamResult.blocked;
  }

  #read(id: number, target: Uint8Array): number {
    try {
      const read = this.#native.streamRecv(id, target);
      if (read === null) return StreamResult.blocked;
      if (read[1]) {
        this.#fin = true;
        this.#wear.used(id);
      }
      this.#countRead(id, read[0], target.length);
      return read[0];
    } catch (error) {
      return this.#readFailed(id, error);
    }
  }

  #countRead(id: number, octets: number, room: number): void {
    this.#lostWindow.read(id, octets, octets < room);
    if (this.#fin) this.#lostWindow.over(id);
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
    this.#wear.used(id);
    return taken;
  }

  reset(id: number, code: number): void {
    assertCode(code);
    if (!this.#ends.canSend(id)) return;
    this.#stopCodes.answered(id);
    this.#native.streamShutdown(id, this.#quiche.Shutdown.Write, code);
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
    if (this.#native.streamShutdown(id, this.#quiche.Shutdown.Read, code) === null) return;
    this.#ends.receiveOver(id);
    this.#wear.stopped(id);
    this.#lostWindow.over(id);
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

  /** Whether quiche has not forgotten a stream that was. It throws for one that it has. */
  #isKnown(id: number): boolean {
    if (!this.#native.streamFinished(id)) return true;
    try {
      this.#native.streamCapacity(id);
      return true;
    } catch (error) {
      return quicheFailure(error).kind !== "no-stream";
    }
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
        this.#lostWindow.reset(id);
        return StreamResult.ended;
      case "blocked":
        return StreamResult.blocked;
      case "no-stream":
      case "stopped":
      case "other":
        this.#ends.forget(id);
        this.#lostWindow.over(id);
        return StreamResult.unknown;
    }
  }

  #writeFailed(id: number, error: unknown): number {
    const failure = quicheFailure(error);
    switch (failure.kind) {
      case "stopped":
        this.#code = failure.code;
        return StreamResult.ended;
      case "blocked":
        return StreamResult.blocked;
      case "no-stream":
      case "reset":
      case "other":
        return this.#forgotten(id);
    }
  }

  /** A stream that quiche does not know, or knows no more because it was stopped. */
  #forgotten(id: number): number {
    const code = this.#stopCodes.get(id);
    if (code === undefined) return StreamResult.unknown;
    this.#code = code;
    return StreamResult.ended;
  }
}

/** quiche aborts the process for a code that is no variable-length integer. */
export function assertCode(code: number): void {
  assert(Number.isInteger(code) && code >= 0 && code <= MAX_QUIC_INTEGER, "an error code is a whole number");
}
