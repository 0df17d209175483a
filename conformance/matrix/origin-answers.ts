/** What the backend of a cell answers, by path. Works on node:http and on the same interface of node:http2. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { randomBytes } from "node:crypto";
import { type Seen, streamOf } from "./seen.ts";

/** Larger than a frame, a read of a socket and a window of HTTP/2. */
export const CONTENT = randomBytes(300_000);

/** Of the requests that the gateway must not take for whole: what they announce, and what comes. */
export const PROMISED = 100_000;
const PART = Buffer.alloc(10_000, "part");

/** Holds the answers to `/crowd` until as many requests are there as are expected. */
export class Crowd {
  expected = 1;
  readonly #waiting: ServerResponse[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  join(response: ServerResponse): void {
    this.#waiting.push(response);
    if (this.#waiting.length < this.expected) return;
    for (const each of this.#waiting.splice(0)) each.end("together\n");
  }
}

export function answer(seen: Seen, request: IncomingMessage, response: ServerResponse, crowd: Crowd): void {
  const [path = "", argument = ""] = (request.url ?? "").slice(1).split("/");
  switch (path) {
    case "echo":
      echo(seen, request, response);
      break;
    case "hints":
      response.writeEarlyHints({ link: "</style.css>; rel=preload" });
      response.end("hinted\n");
      break;
    case "trailers":
      take(seen, request, () => withTrailers(response));
      break;
    case "hang":
      take(seen, request);
      break;
    case "endless":
      endless(seen, response);
      break;
    case "deaf":
      response.writeHead(200);
      break;
    case "cut":
      cut(argument, request, response);
      break;
    case "refuse":
      refuse(Number(argument), request);
      break;
    case "early":
      early(request, response);
      break;
    case "status":
      take(seen, request, () => bare(Number(argument), response));
      break;
    case "grpc":
      grpc(seen, request, response);
      break;
    case "crowd":
      crowd.join(response);
      break;
    default:
      take(seen, request, () => content(response));
  }
}

/** True when it has answered to a request that asks whether its body is wanted. */
export function refuseToContinue(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.url !== "/unwanted") return false;
  response.writeHead(413, { "content-length": 0 });
  response.end();
  return true;
}

function take(seen: Seen, request: IncomingMessage, then: () => void = () => {}): void {
  request.on("data", (part: Buffer) => seen.body.add(part));
  request.on("end", then);
}

function content(response: ServerResponse): void {
  response.writeHead(200, { "content-length": CONTENT.length, "x-answer": "content" });
  response.end(CONTENT);
}

/** With the length of the request, if it has told one. */
function echo(seen: Seen, request: IncomingMessage, response: ServerResponse): void {
  const length = request.headers["content-length"];
  response.writeHead(200, length === undefined ? {} : { "content-length": length });
  request.on("data", (part: Buffer) => seen.body.add(part));
  request.pipe(response);
}

function withTrailers(response: ServerResponse): void {
  response.writeHead(200, { trailer: "x-sum" });
  response.write("body, ");
  response.addTrailers({ "x-sum": "42", "x-end": "yes" });
  response.end("then trailers\n");
}

/** A status that has no body (RFC 9110 section 6.4.1), or one with a short one. */
function bare(status: number, response: ServerResponse): void {
  const bodiless = status === 204 || status === 304;
  response.writeHead(status, { etag: '"mark"' });
  response.end(bodiless ? undefined : "none\n");
}

/** Each message comes back as soon as it is there; the status is in the trailers, as that of every call is. */
function grpc(seen: Seen, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/grpc" });
  request.on("data", (part: Buffer) => {
    seen.body.add(part);
    response.write(part);
  });
  request.on("end", () => {
    response.addTrailers({ "grpc-status": "0", "grpc-message": "well" });
    response.end();
  });
}

/** Writes as fast as it is read, for ever. */
function endless(seen: Seen, response: ServerResponse): void {
  const more = (): void => {
    let taken = true;
    while (taken && !response.destroyed) {
      taken = response.write(PART);
      seen.written += PART.length;
    }
  };
  response.on("drain", more);
  response.writeHead(200);
  more();
}

/** Ends in the middle of a body, `length`: of a known one, `streamed`: of another; `lost`: by losing the connection. */
function cut(how: string, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, how === "streamed" ? {} : { "content-length": PROMISED });
  const stream = streamOf(request);
  response.write(PART, () => {
    if (how === "lost") (stream?.session ?? request.socket).destroy();
    // Unlike `close`, which ends the body in order first.
    else if (stream !== undefined) stream.destroy(new Error("cut"));
    else request.socket.destroy();
  });
}

/** Resets before the head of the answer; over HTTP/1.1 that is the connection, whatever the code. */
function refuse(code: number, request: IncomingMessage): void {
  const stream = streamOf(request);
  if (stream === undefined) request.socket.resetAndDestroy();
  else stream.close(code);
}

/** Answers without reading the body. Over HTTP/2 Node.js then resets with NO_ERROR (RFC 9113 section 8.1). */
function early(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, streamOf(request) === undefined ? { connection: "close" } : {});
  response.end("early\n");
}
