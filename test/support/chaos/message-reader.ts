/**
 * Reads one HTTP/1.1 message after another as its bytes come in, and hands bodies on piece by piece:
 * the tests' other parser wants a message whole, which is too slow for a hundred thousand of them.
 * As strict as needs be between two peers that we know: CRLF, one framing, sizes in hexadecimal.
 */

export interface MessageHandler {
  /** Returns how the body is framed when neither length nor coding says so. */
  onHead(startLine: string, fields: ReadonlyMap<string, string>): "none" | "close";
  onBody(bytes: Buffer): void;
  onEnd(): void;
  /** What came is not HTTP as the peer speaks it; nothing more is read. */
  onGarbage(reason: string): void;
}

type State = "head" | "length" | "close" | "chunk-size" | "chunk" | "chunk-end" | "trailers" | "broken";

const HEAD_END = "\r\n\r\n";
const MAX_HEAD_BYTES = 16 * 1024;
const MAX_LINE_BYTES = 1024;
const NOTHING = Buffer.alloc(0);

export class MessageReader {
  readonly #handler: MessageHandler;
  #state: State = "head";
  /** Bytes that are not yet a head or a line. */
  #rest: Buffer = NOTHING;
  #left = 0;

  constructor(handler: MessageHandler) {
    this.#handler = handler;
  }

  /** Nothing of a message has come that is not whole. */
  get between(): boolean {
    return this.#state === "head" && this.#rest.length === 0;
  }

  /** Inside a body that lasts until the end of the connection. */
  get untilClose(): boolean {
    return this.#state === "close";
  }

  feed(bytes: Buffer): void {
    // What a callback is given is valid during the call only, so that nothing is copied that is body.
    let input = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#rest = NOTHING;
    while (input.length > 0) {
      const used = this.#step(input);
      if (used === 0) break;
      input = input.subarray(used);
    }
    if (this.#state !== "broken" && input.length > 0) this.#rest = Buffer.from(input);
  }

  /** Bytes used; 0: more are needed. */
  #step(input: Buffer): number {
    switch (this.#state) {
      case "head":
        return this.#head(input);
      case "length":
      case "chunk":
        return this.#counted(input);
      case "close":
        this.#handler.onBody(input);
        return input.length;
      case "chunk-size":
      case "chunk-end":
      case "trailers":
        return this.#line(input);
      case "broken":
        return 0;
    }
  }

  #head(input: Buffer): number {
    const end = input.indexOf(HEAD_END, 0, "latin1");
    if (end < 0) return input.length > MAX_HEAD_BYTES ? this.#broken("an endless head") : 0;
    const [startLine = "", ...lines] = input.latin1Slice(0, end).split("\r\n");
    const fields = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(": ");
      if (colon < 1) return this.#broken(`a field line: ${line}`);
      fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 2));
    }
    return this.#begin(startLine, fields) ? end + HEAD_END.length : 0;
  }

  #begin(startLine: string, fields: ReadonlyMap<string, string>): boolean {
    const length = fields.get("content-length");
    const coding = fields.get("transfer-encoding");
    if (length !== undefined && coding !== undefined) return this.#broken("two framings") > 0;
    if (coding !== undefined && coding !== "chunked") return this.#broken(`coding ${coding}`) > 0;
    if (length !== undefined && !/^\d+$/.test(length)) return this.#broken(`length ${length}`) > 0;
    const otherwise = this.#handler.onHead(startLine, fields);
    if (coding !== undefined) this.#state = "chunk-size";
    else if (length === undefined && otherwise === "close") this.#state = "close";
    else this.#expect("length", Number(length ?? 0));
    return true;
  }

  #expect(state: "length" | "chunk", bytes: number): void {
    this.#state = state;
    this.#left = bytes;
    if (bytes === 0) this.#end();
  }

  #counted(input: Buffer): number {
    const size = Math.min(this.#left, input.length);
    this.#handler.onBody(size === input.length ? input : input.subarray(0, size));
    this.#left -= size;
    if (this.#left > 0) return size;
    if (this.#state === "chunk") this.#state = "chunk-end";
    else this.#end();
    return size;
  }

  #line(input: Buffer): number {
    const end = input.indexOf("\r\n", 0, "latin1");
    if (end < 0) return input.length > MAX_LINE_BYTES ? this.#broken("an endless line") : 0;
    const line = input.latin1Slice(0, end);
    if (!this.#takeLine(line)) return this.#broken(`${this.#state}: ${line.slice(0, 80)}`);
    return end + 2;
  }

  #takeLine(line: string): boolean {
    if (this.#state === "chunk-end") {
      this.#state = "chunk-size";
      return line === "";
    }
    if (this.#state === "trailers") {
      if (line === "") this.#end();
      return true;
    }
    if (!/^[0-9a-fA-F]{1,8}$/.test(line)) return false;
    const size = parseInt(line, 16);
    if (size === 0) this.#state = "trailers";
    else this.#expect("chunk", size);
    return true;
  }

  #end(): void {
    this.#state = "head";
    this.#handler.onEnd();
  }

  #broken(reason: string): 0 {
    this.#state = "broken";
    this.#handler.onGarbage(reason);
    return 0;
  }
}
