/**
 * What the decoders that read from the same buffers share, so that each request finds it in the
 * processor's cache. Whoever makes decoders has one: a listener for its clients, a backend for its
 * connections. Nothing that is decoded depends on it, only how soon.
 */
import { BufferViews } from "../../base/buffer-views.ts";
import { FIELD_NAMES, FieldId } from "../http/field-id.ts";

/** Stands for a field before the first one, where ids do. */
export const NO_FIELD = FIELD_NAMES.length;

export class ReaderMemory {
  readonly views = new BufferViews();
  /**
   * By the id of a field, the one that followed it last: peers of a kind send the same fields in the
   * same order nearly always, and to compare a name costs a fourth of reading it.
   */
  readonly #followers = new Uint8Array(NO_FIELD + 1);

  /** The id of the field that is likely behind this one, or behind `NO_FIELD`; `FieldId.other`: any. */
  foresee(id: number): number {
    return this.#followers[id] as number;
  }

  /** Nothing is foreseen behind a field without an id of its own, which may be any. */
  note(id: number, follower: number): void {
    if (id !== FieldId.other) this.#followers[id] = follower;
  }
}
