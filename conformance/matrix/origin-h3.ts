/**
 * The backend of a cell over HTTP/3, on an independent peer's server: its requests and answers have as much
 * of the interface of node:http as `origin-answers.ts` uses.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Writable } from "node:stream";
import { freePort, HOST } from "../../test/support/addresses.ts";
import type { CertificatePaths } from "../../test/support/certificates-files.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { type Asked, H3Server, type ServedStream } from "../peers/h3-server.ts";
import { codeOfH3, type FieldPairs, H3_NO_ERROR } from "../peers/h3-stream.ts";
import type { PeerName } from "../peers/peers.ts";
import { fieldsOf } from "./call-h3.ts";
import { Origin } from "./origin.ts";
import { listen, overStream } from "./origin-websocket.ts";

type Outgoing = Readonly<Record<string, string | number>>;

export class OriginH3 extends Origin {
  override readonly address: string;
  readonly #server: H3Server;

  static async start(scope: CleanupScope, peer: PeerName, certificate: CertificatePaths): Promise<OriginH3> {
    const port = await freePort();
    const server = await H3Server.start(scope, peer, { host: HOST, port, certificate });
    return new OriginH3(server, `${HOST}:${port}`);
  }

  private constructor(server: H3Server, address: string) {
    super("h3");
    this.address = address;
    this.#server = server;
    server.onRequest = (stream, asked) => this.#answer(stream, asked);
  }

  override get connections(): number {
    return this.#server.connections;
  }

  #answer(stream: ServedStream, asked: Asked): void {
    const request = requestOf(stream, asked) as unknown as IncomingMessage;
    if (request.method === "CONNECT") {
      stream.sendHeaders([[":status", "200"]], false);
      listen(overStream(stream));
      return;
    }
    const response = new ResponseH3(stream, request.method === "HEAD") as unknown as ServerResponse;
    if (request.headers.expect === "100-continue") this.tookExpecting(request, response);
    else this.took(request, response);
  }
}

/** The stream itself, with what a head says. */
function requestOf(stream: ServedStream, { headers }: Asked): object {
  const fields = fieldsOf(headers);
  const under = {
    get rstCode(): number {
      return stream.rstCode;
    },
    // What was written is to come before the end.
    session: { destroy: (): void => stream.onceArrived(() => stream.closeConnection()) },
    destroy: (error?: Error): void => stream.onceArrived(() => stream.destroy(error)),
    close: (code: number): void => stream.reset(codeOfH3(code)),
  };
  const request = Object.assign(stream, {
    method: fields[":method"],
    url: fields[":path"],
    headers: fields,
    trailers: {},
    stream: under,
  });
  stream.onHeaders = (event) => (request.trailers = fieldsOf(event.headers));
  return request;
}

class ResponseH3 extends Writable {
  readonly #stream: ServedStream;
  readonly #bodiless: boolean;
  #trailers: FieldPairs | undefined;
  #headSent = false;

  constructor(stream: ServedStream, bodiless: boolean) {
    super({ highWaterMark: stream.writableHighWaterMark });
    this.#stream = stream;
    this.#bodiless = bodiless;
    stream.on("close", () => this.destroy());
  }

  writeContinue(): void {
    this.#stream.sendHeaders([[":status", "100"]], false);
  }

  writeEarlyHints({ link }: { readonly link: string }): void {
    const head: FieldPairs = [
      [":status", "103"],
      ["link", link],
    ];
    this.#stream.sendHeaders(head, false);
  }

  writeHead(status: number, headers: Outgoing = {}): this {
    this.#headSent = true;
    const fields = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
    this.#stream.sendHeaders([[":status", String(status)], ...fields], false);
    return this;
  }

  addTrailers(trailers: Readonly<Record<string, string>>): void {
    this.#trailers = Object.entries(trailers);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (!this.#headSent) this.writeHead(200);
    if (this.#bodiless) done();
    else this.#stream.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "binary", done);
  }

  override _final(done: () => void): void {
    if (!this.#headSent) this.writeHead(200);
    const stream = this.#stream;
    if (this.#trailers === undefined) stream.end(done);
    else stream.endWith(this.#trailers, done);
    // Who has answered without reading the rest says so (RFC 9114 section 4.1).
    if (stream.receiving) stream.stop(H3_NO_ERROR);
  }
}
