/**
 * The connection IDs that we give out (RFC 9000 section 5.1). They carry the worker that owns the
 * connection, so that a packet which the kernel gives to another worker finds its way:
 *
 *   random 8 | worker 8 | random 80
 *
 * The endpoint issues them; who steers packets among sockets reads the same octet.
 */
import { randomFillSync } from "node:crypto";
import { assert } from "../../base/assert.ts";

/** Every one of ours; a client's first Destination Connection ID is its own, of 8 to 20. */
export const CONNECTION_ID_BYTES = 12;

/** Where the worker's index stands. The first octet is random, as middleboxes look at it. */
export const WORKER_OCTET = 1;

/** An octet holds no more. `MAX_WORKERS` of `base/limits.ts` fits. */
export const MAX_WORKER_INDEX = 255;

/** Fills `target[offset, offset + size)` with octets that nobody can guess. */
export type FillRandom = (target: Buffer, offset: number, size: number) => void;

export class ConnectionIdIssuer {
  readonly #worker: number;
  readonly #fillRandom: FillRandom;

  /** `worker`: 0 to `MAX_WORKER_INDEX`. */
  constructor(worker: number, fillRandom: FillRandom = randomFillSync) {
    assert(
      Number.isInteger(worker) && worker >= 0 && worker <= MAX_WORKER_INDEX,
      "a worker's index is one octet",
    );
    this.#worker = worker;
    this.#fillRandom = fillRandom;
  }

  /** Writes a new connection ID, of `CONNECTION_ID_BYTES`, to `target[offset]`. */
  issue(target: Buffer, offset: number): void {
    this.#fillRandom(target, offset, CONNECTION_ID_BYTES);
    target[offset + WORKER_OCTET] = this.#worker;
  }
}

/** The worker that issued the connection ID at `start`; it has `CONNECTION_ID_BYTES`. */
export function workerOf(bytes: Uint8Array, start: number): number {
  return bytes[start + WORKER_OCTET] as number;
}
