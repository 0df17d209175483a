/**
 * The backend of a cell: it keeps what it saw of each request and how that ended. `origin-node.ts` is one on
 * node:http and node:http2, `origin-h3.ts` one over HTTP/3; both answer by `origin-answers.ts`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { answer, Crowd, refuseToContinue } from "./origin-answers.ts";
import { Seen, streamOf } from "./seen.ts";

/** `h2s`: over TLS. */
export type Back = "h1" | "h2" | "h2s" | "h3";

export abstract class Origin {
  readonly back: Back;
  /** In the order in which their heads came. */
  readonly requests: Seen[] = [];
  readonly crowd = new Crowd();

  constructor(back: Back) {
    this.back = back;
  }

  abstract get address(): string;

  /** Connections that there ever were. */
  abstract get connections(): number;

  /** The newest request for the path. */
  last(path: string): Seen | undefined {
    return this.requests.findLast((seen) => seen.path === path);
  }

  count(path: string): number {
    return this.requests.filter((seen) => seen.path === path).length;
  }

  protected took(request: IncomingMessage, response: ServerResponse): void {
    answer(this.#see(request, response), request, response, this.crowd);
  }

  /** The client waits for 100. */
  protected tookExpecting(request: IncomingMessage, response: ServerResponse): void {
    const seen = this.#see(request, response);
    if (refuseToContinue(request, response)) return;
    response.writeContinue();
    answer(seen, request, response, this.crowd);
  }

  #see(request: IncomingMessage, response: ServerResponse): Seen {
    const seen = new Seen(request);
    this.requests.push(seen);
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const stream = streamOf(request);
    request.on("end", () => {
      // Node.js ends the body of a stream that is reset, too.
      seen.whole = (stream?.rstCode ?? 0) === 0;
      seen.trailers = request.trailers;
    });
    response.on("close", () => {
      seen.resetCode = stream?.rstCode;
      const whole = response.writableFinished && (stream?.rstCode ?? 0) === 0;
      seen.end = whole ? "answered" : "cut";
    });
    return seen;
  }
}
