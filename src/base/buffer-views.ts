/**
 * The `DataView` of the buffer that was looked at last: through it, four octets are read at once.
 * Making one costs as much as reading a hundred octets, but readers look at the same receive buffer
 * again and again. Whoever owns this decides which readers share it; it keeps one buffer alive.
 */
const NO_VIEW = new DataView(new ArrayBuffer(0));

export class BufferViews {
  #bytes: Uint8Array | null = null;
  #view: DataView = NO_VIEW;

  /** Its offsets are those of `bytes`. */
  of(bytes: Uint8Array): DataView {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    return this.#view;
  }
}
