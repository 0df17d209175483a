/** An exchange over HTTP/3, on a stream of an independent peer's. */
import type { H3Connection } from "../peers/h3-client.ts";
import { type FieldPairs, H3_REQUEST_CANCELLED, type H3Stream, type HeadEvent } from "../peers/h3-stream.ts";
import { type Ask, Call, type Fields } from "./call.ts";

export class CallH3 extends Call {
  readonly #stream: H3Stream;
  readonly #trailers: Ask["trailers"];

  constructor(ask: Ask, connection: H3Connection) {
    super(ask);
    const { method = "GET", path, headers = {}, trailers } = ask;
    const head: FieldPairs = [
      [":method", method],
      [":scheme", "https"],
      [":authority", connection.authority],
      [":path", path],
      ...Object.entries(headers),
    ];
    this.#trailers = trailers;
    this.#stream = connection.request(head, ask.body !== true);
    this.#listen();
  }

  write(part: Buffer): boolean {
    return this.#stream.write(part);
  }

  end(part?: Buffer): void {
    const stream = this.#stream;
    const trailers = this.#trailers;
    if (trailers === undefined) stream.end(part);
    else {
      if (part !== undefined) stream.write(part);
      stream.endWith(Object.entries(trailers));
    }
  }

  abort(): void {
    this.#stream.reset(H3_REQUEST_CANCELLED);
  }

  get unsent(): number {
    return this.#stream.unsent;
  }

  #listen(): void {
    const stream = this.#stream;
    stream.onHeaders = (event) => this.#head(event);
    stream.on("end", () => this.finish("whole", ""));
    stream.on("close", () => this.finish("cut", stream.rstCode));
  }

  #head({ headers }: HeadEvent): void {
    const fields = fieldsOf(headers);
    if (fields[":status"] === undefined) {
      this.trailers = fields;
      return;
    }
    const status = Number(fields[":status"]);
    if (status < 200) this.informed(status, String(fields["link"] ?? ""));
    else this.answered(status, fields, this.#stream);
  }
}

/** Those of one name joined, as node:http does. */
export function fieldsOf(pairs: FieldPairs): Fields {
  const fields: Record<string, string> = {};
  for (const [name, value] of pairs) fields[name] = name in fields ? `${fields[name]}, ${value}` : value;
  return fields;
}
