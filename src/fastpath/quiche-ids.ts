/**
 * The connection IDs that a connection on quiche has given to its peer, beyond the first (RFC 9000 section
 * 5.1). quiche closes a connection that gets a packet for an ID that was retired, though such a packet may
 * only be late, so these packets are known here and dropped. Used by `quiche-connection.ts`.
 */
import type { Connection } from "@matrixai/quic/native/types.js";
import { assert } from "../base/assert.ts";

/** IDs that a peer gets at a time, whatever it has room for. */
const MAX_ACTIVE_IDS = 8;

/** Retired IDs that late packets are known by; who is later than so many has been away for long. */
const MAX_RETIRED_IDS = 16;

/** A stateless reset token (RFC 9000 section 10.3). */
const RESET_TOKEN_BYTES = 16;

const LONG_FORM = 0x80;

export class QuicheIds {
  readonly #native: Connection;
  #offered = false;
  /** Not yet told. */
  readonly #untold: Buffer[] = [];
  readonly #retired: Buffer[] = [];

  constructor(native: Connection) {
    this.#native = native;
  }

  offer(id: Buffer, resetToken: Buffer): boolean {
    const native = this.#native;
    assert(id.length === native.sourceId().length, "all connection IDs of a connection are of one length");
    if (native.activeSourceCids() >= MAX_ACTIVE_IDS || native.sourceCidsLeft() <= 0) return false;
    native.newSourceCid(id, resetTokenOf(resetToken), false);
    this.#offered = true;
    return true;
  }

  /** After each packet that was received. */
  collectRetired(): void {
    if (!this.#offered) return;
    for (let id = this.#native.retiredScidNext(); id !== null; id = this.#native.retiredScidNext()) {
      const retired = Buffer.from(id);
      this.#untold.push(retired);
      this.#retired.push(retired);
      if (this.#retired.length > MAX_RETIRED_IDS) this.#retired.shift();
    }
  }

  nextRetired(): Buffer | null {
    return this.#untold.shift() ?? null;
  }

  /** Whether the datagram is for an ID that was retired. */
  isLate(bytes: Buffer, start: number, end: number): boolean {
    const retired = this.#retired;
    if (retired.length === 0 || ((bytes[start] as number) & LONG_FORM) !== 0) return false;
    for (let i = 0; i < retired.length; i++) {
      const id = retired[i] as Buffer;
      const idEnd = start + 1 + id.length;
      if (idEnd <= end && id.compare(bytes, start + 1, idEnd) === 0) return true;
    }
    return false;
  }
}

/** The binding takes the token as a number, and reads beyond its end when that is 0. */
export function resetTokenOf(token: Buffer): bigint {
  assert(token.length === RESET_TOKEN_BYTES, "a stateless reset token has 16 octets");
  const value = token.readBigUInt64BE(0) * 2n ** 64n + token.readBigUInt64BE(8);
  assert(value !== 0n, "a stateless reset token is not zero");
  return value;
}
