/**
 * Just enough of a server's HTTP/1.1 for the reading backends: where requests end, and how long their
 * bodies were (RFC 9112, sections 6 and 7.1). The proxies that send them are trusted to be correct.
 */

export interface ReadRequest {
  readonly head: string;
  readonly bodyBytes: number;
}

/** Grows to what a head needs; one that is larger is a mistake of the bench. */
const MAX_HEAD_BYTES = 16 * 1024;

type State = "head" | "sized" | "chunk-size" | "chunk-data" | "trailer";

/** One connection's worth of requests; `push` is called with each read. */
export class RequestReader {
  readonly #onRequest: (request: ReadRequest) => void;
  #state: State = "head";
  /** A head or a line that is not yet whole. */
  #text = "";
  #head = "";
  #left = 0;
  #bodyBytes = 0;

  constructor(onRequest: (request: ReadRequest) => void) {
    this.#onRequest = onRequest;
  }

  push(bytes: Buffer): void {
    let pos = 0;
    while (pos < bytes.length) pos = this.#step(bytes, pos);
  }

  #step(bytes: Buffer, pos: number): number {
    switch (this.#state) {
      case "head":
        return this.#readHead(bytes, pos);
      case "sized":
        return this.#skip(bytes, pos, () => this.#finish());
      case "chunk-data":
        return this.#skip(bytes, pos, () => this.#enter("chunk-size"));
      case "chunk-size":
      case "trailer":
        return this.#readLine(bytes, pos);
    }
  }

  #readHead(bytes: Buffer, pos: number): number {
    const before = this.#text.length;
    this.#text += bytes.latin1Slice(pos, Math.min(bytes.length, pos + MAX_HEAD_BYTES));
    const end = this.#text.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end < 0) {
      if (this.#text.length >= MAX_HEAD_BYTES) throw new Error("a request head is too long");
      return bytes.length;
    }
    const next = pos + end + 4 - before;
    this.#head = this.#text.slice(0, end);
    this.#text = "";
    this.#bodyBytes = 0;
    if (/\r\ntransfer-encoding:\s*chunked/i.test(this.#head)) this.#enter("chunk-size");
    else this.#beginSized(Number(/\r\ncontent-length:\s*(\d+)/i.exec(this.#head)?.[1] ?? 0));
    return next;
  }

  #beginSized(length: number): void {
    this.#left = length;
    if (length === 0) this.#finish();
    else this.#enter("sized");
  }

  /** Skips body bytes; `done` when the last one was there. The line end behind a chunk counts as its data. */
  #skip(bytes: Buffer, pos: number, done: () => void): number {
    const taken = Math.min(this.#left, bytes.length - pos);
    this.#left -= taken;
    if (this.#state === "sized") this.#bodyBytes += taken;
    if (this.#left === 0) done();
    return pos + taken;
  }

  #readLine(bytes: Buffer, pos: number): number {
    const feed = bytes.indexOf(0x0a, pos);
    const end = feed < 0 ? bytes.length : feed + 1;
    this.#text += bytes.latin1Slice(pos, end);
    if (feed >= 0) {
      const line = this.#text.trimEnd();
      this.#text = "";
      if (this.#state === "trailer") this.#endTrailer(line);
      else this.#beginChunk(Number.parseInt(line, 16));
    }
    return end;
  }

  #beginChunk(size: number): void {
    if (Number.isNaN(size)) throw new Error("a chunk has no size");
    if (size === 0) return this.#enter("trailer");
    this.#bodyBytes += size;
    this.#left = size + 2;
    this.#enter("chunk-data");
  }

  #endTrailer(line: string): void {
    if (line === "") this.#finish();
  }

  #enter(state: State): void {
    this.#state = state;
  }

  #finish(): void {
    this.#state = "head";
    this.#onRequest({ head: this.#head, bodyBytes: this.#bodyBytes });
  }
}
