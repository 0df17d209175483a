/** What went through a stream: length and hash of its bytes, so that 10 MiB are compared without being kept. */
import { createHash } from "node:crypto";

export class Digest {
  length = 0;
  readonly #hash = createHash("sha256");

  static of(bytes: Uint8Array): string {
    const digest = new Digest();
    digest.add(bytes);
    return digest.toString();
  }

  add(part: Uint8Array): void {
    this.length += part.length;
    this.#hash.update(part);
  }

  /** `LENGTH SHA256` of what came so far. */
  toString(): string {
    return `${this.length} ${this.#hash.copy().digest("hex")}`;
  }
}
