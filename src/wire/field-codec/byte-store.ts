/**
 * Bytes that are also read and written as words. `Fields` is one, and so are the tables and the scratch
 * memory here.
 */
export interface ByteStore {
  readonly bytes: Buffer;
  /** The same memory; its offsets are those of `bytes`. */
  readonly view: DataView;
}
