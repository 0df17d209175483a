/** An exchange on node:http or node:https. */
import { type ClientRequest, type IncomingMessage, request as plainRequest } from "node:http";
import { request as secureRequest, type RequestOptions } from "node:https";
import type { Socket } from "node:net";
import { type Ask, Call } from "./call.ts";

export class CallH1 extends Call {
  readonly #request: ClientRequest;
  readonly #trailers: Ask["trailers"];
  readonly #tcpOf: (socket: Socket) => Socket;

  /** `tcpOf`: the socket of TCP under one of the connection's. */
  constructor(ask: Ask, secure: boolean, options: RequestOptions, tcpOf: (socket: Socket) => Socket) {
    super(ask);
    this.#tcpOf = tcpOf;
    const { method = "GET", path, headers = {}, trailers } = ask;
    this.#trailers = trailers;
    const make = secure ? secureRequest : plainRequest;
    this.#request = make({
      ...options,
      method,
      path,
      headers: { ...headers, ...(trailers === undefined ? {} : { trailer: Object.keys(trailers).join() }) },
    });
    this.#listen();
    if (ask.body !== true) this.#request.end();
    // A body that is waited for, as with Expect, comes later than the head.
    else this.#request.flushHeaders();
  }

  write(part: Buffer): boolean {
    return this.#request.write(part);
  }

  end(part?: Buffer): void {
    if (this.#trailers !== undefined) this.#request.addTrailers({ ...this.#trailers });
    this.#request.end(part);
  }

  /** By RST: who has only sent FIN may still wait for the answer (RFC 9112 section 9.6). */
  abort(): void {
    const { socket } = this.#request;
    const tcp = socket === null ? null : this.#tcpOf(socket);
    // Node.js can not reset what it is ending, and would keep it open.
    if (tcp !== null && !tcp.writableEnded) tcp.resetAndDestroy();
    this.#request.destroy();
  }

  get unsent(): number {
    return this.#request.writableLength + (this.#request.socket?.writableLength ?? 0);
  }

  #listen(): void {
    const request = this.#request;
    request.on("continue", () => this.informed(100, ""));
    request.on("information", ({ statusCode, headers }) => {
      if (statusCode !== 100) this.informed(statusCode, linkOf(headers["link"]));
    });
    request.on("response", (response) => this.#respond(response));
    request.on("error", (error: NodeJS.ErrnoException) => this.finish("cut", error.code ?? error.message));
  }

  #respond(response: IncomingMessage): void {
    let error = "aborted";
    response.on("error", ({ code, message }: NodeJS.ErrnoException) => (error = code ?? message));
    response.on("end", () => {
      if (!response.complete) return;
      this.trailers = response.trailers;
      this.finish("whole", "");
    });
    response.on("close", () => this.finish("cut", error));
    this.answered(response.statusCode ?? 0, response.headers, response);
  }
}

function linkOf(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(", ") : (value ?? "");
}
