/**
 * Secrets for whoever analyses captures (`SSLKEYLOGFILE`). quiche writes those of a connection into a file of
 * its own, which it empties first, so each gets a file that has no name any more, and what is in it is
 * appended to the operator's file when the handshake is over. For debugging: it writes synchronously.
 */
import { randomBytes } from "node:crypto";
import { appendFileSync, closeSync, openSync, readSync, unlinkSync } from "node:fs";
import type { Connection } from "@matrixai/quic/native/types.js";

/** Only its owner may read it. */
const MODE = 0o600;

/** quiche writes five lines of about 200 octets. */
const MAX_LOG_BYTES = 4096;

/** Closes the descriptors of connections that were given up without a word. */
const ABANDONED = new FinalizationRegistry<number>(closeSync);

/** The secrets of one connection. It holds a descriptor until `flush`. */
export class QuicheKeyLog {
  readonly #path: string;
  #fd: number;

  /** `null` when no file can be made beside `path`: a connection is worth more than its log. */
  static open(native: Connection, path: string): QuicheKeyLog | null {
    const own = `${path}.${randomBytes(8).toString("hex")}`;
    try {
      const fd = openSync(own, "wx+", MODE);
      native.setKeylog(own);
      unlinkSync(own);
      return new QuicheKeyLog(path, fd);
    } catch {
      return null;
    }
  }

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
    ABANDONED.register(this, fd, this);
  }

  /** Appends what was written; only the first call does something. */
  flush(): void {
    if (this.#fd < 0) return;
    ABANDONED.unregister(this);
    const lines = Buffer.alloc(MAX_LOG_BYTES);
    try {
      const read = readSync(this.#fd, lines, 0, lines.length, 0);
      appendFileSync(this.#path, lines.subarray(0, read), { mode: MODE });
    } catch {
      // The disk may be full.
    }
    closeSync(this.#fd);
    this.#fd = -1;
  }
}
