/**
 * Cookie fields that came in crumbs, joined to the one field that HTTP/1 allows (RFC 9113 section
 * 8.2.3). The crumbs may lie anywhere among the other fields, so they are gathered aside first. One for
 * all connections of a worker, as it is empty between blocks.
 */
import { FieldId } from "../../http/field-id.ts";
import type { Fields } from "../../http/fields.ts";
import { writeSpan } from "../../http/write.ts";

const FIRST_BYTES = 1024;

/** More is given back behind a request that needed it. */
const KEPT_BYTES = 16_384;

const NAME: Uint8Array = Buffer.from("cookie", "latin1");
const SEMICOLON = 0x3b;
const SPACE = 0x20;

export class CookieCrumbs {
  /** The name, and behind it the crumbs so far. */
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;

  constructor() {
    this.#bytes.set(NAME);
  }

  /** What a block before left here is of no interest. */
  begin(): void {
    this.#length = 0;
  }

  add(source: Buffer, start: number, end: number): void {
    const at = this.#length === 0 ? NAME.length : this.#length + 2;
    if (at + end - start > this.#bytes.length) this.#grow(at + end - start);
    if (this.#length > 0) {
      this.#bytes[at - 2] = SEMICOLON;
      this.#bytes[at - 1] = SPACE;
    }
    this.#length = writeSpan(this.#bytes, at, source, start, end);
  }

  /** Adds what was gathered as one field, if anything was; returns its index, or -1. */
  addTo(fields: Fields): number {
    if (this.#length === 0) return -1;
    const index = fields.addBytes(this.#bytes, 0, NAME.length, NAME.length, this.#length);
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#grow(FIRST_BYTES);
    return index;
  }

  /** A store of at least this size; what is in it stays as far as it fits. */
  #grow(size: number): void {
    const grown = Buffer.allocUnsafeSlow(size > this.#bytes.length ? size * 2 : size);
    this.#bytes.copy(grown);
    this.#bytes = grown;
  }
}

/** The id under which crumbs come. */
export const CRUMB_ID: number = FieldId.cookie;
