/** An exchange on node:http2. */
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import { type Ask, Call } from "./call.ts";

export class CallH2 extends Call {
  readonly #stream: ClientHttp2Stream;
  #ended = false;

  constructor(ask: Ask, session: ClientHttp2Session) {
    super(ask);
    const { method = "GET", path, headers = {}, trailers } = ask;
    const stream = session.request(
      { ":method": method, ":path": path, ...headers },
      { endStream: ask.body !== true, waitForTrailers: trailers !== undefined },
    );
    this.#stream = stream;
    if (trailers !== undefined) stream.on("wantTrailers", () => stream.sendTrailers({ ...trailers }));
    this.#listen();
  }

  write(part: Buffer): boolean {
    return this.#stream.write(part);
  }

  end(part?: Buffer): void {
    this.#stream.end(part);
  }

  abort(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  get unsent(): number {
    return this.#stream.writableLength;
  }

  #listen(): void {
    const stream = this.#stream;
    stream.on("error", () => undefined);
    // node:http2 tells of 100 by an event of its own.
    stream.on("continue", () => this.informed(100, ""));
    stream.on("headers", (fields) => {
      const status = Number(fields[":status"]);
      if (status !== 100) this.informed(status, String(fields["link"] ?? ""));
    });
    stream.on("response", (fields) => this.answered(Number(fields[":status"]), fields, stream));
    stream.on("trailers", (fields) => (this.trailers = fields));
    stream.on("end", () => (this.#ended = true));
    stream.on("close", () => {
      const whole = this.#ended && stream.rstCode === constants.NGHTTP2_NO_ERROR;
      this.finish(whole ? "whole" : "cut", stream.rstCode ?? "");
    });
  }
}
