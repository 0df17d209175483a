/** What the backend of a cell saw of a request, and how it ended. */
import type { IncomingMessage } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { Digest } from "./digest.ts";

export class Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body = new Digest();
  /** Octets of an endless answer that have been written. */
  written = 0;
  /** The request came whole. */
  whole = false;
  /** Of the request, once it is whole. */
  trailers: IncomingMessage["trailers"] = {};
  /** The exchange is over, and the answer was sent whole, or not. */
  end: "open" | "answered" | "cut" = "open";
  /** Of the stream of HTTP/2 or HTTP/3; over HTTP/1.1 there is none. */
  resetCode: number | undefined;

  constructor(request: IncomingMessage) {
    this.method = request.method ?? "";
    this.path = request.url ?? "";
    this.headers = request.headers;
  }
}

/** The stream under a request of HTTP/2; of HTTP/3 as much as answers need of it. */
export function streamOf(request: IncomingMessage): ServerHttp2Stream | undefined {
  return (request as unknown as { readonly stream?: ServerHttp2Stream }).stream;
}
