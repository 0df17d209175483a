/** Writes the responses of one HTTP/1.x client connection: heads, bodies in their framing, trailers. */
import type { Fault } from "../../base/fault.ts";
import type { Connection, Transport } from "../../fastpath/transport.ts";
import { encodeLastChunk, lastChunkLength } from "../../wire/h1/encode-chunk.ts";
import {
  encodeResponseHead,
  type ResponseEncoding,
  responseHeadLength,
} from "../../wire/h1/encode-response.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import type { Fields } from "../../wire/http/fields.ts";
import { HttpVersion, UNKNOWN_LENGTH } from "../../wire/http/message.ts";
import { webSocketAccept } from "../../wire/ws/handshake.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { advertise } from "../exchange/start-response.ts";
import { localReply } from "../finish/local-reply.ts";
import { sendChunk } from "../send-chunk.ts";

/** The encoding of the response under way is in the writer itself: no object is made for it. */
export class ResponseWriterH1 implements ResponseEncoding {
  version: HttpVersion = HttpVersion.http11;
  keepAlive = true;
  chunked = false;
  readonly #transport: Transport;
  readonly #connection: Connection;

  constructor(transport: Transport, connection: Connection) {
    this.#transport = transport;
    this.#connection = connection;
  }

  /** A 1xx head; HTTP/1.0 clients know none (RFC 9110 section 15.2). */
  informational(exchange: Exchange): void {
    if (exchange.request.version !== HttpVersion.http10) this.#send(exchange);
  }

  /** 101: the connection carries another protocol behind it. The answer to the client's key is ours, not the backend's. */
  switching(exchange: Exchange): void {
    const { request, response, webSocketKey } = exchange;
    const { fields } = response;
    fields.add(FieldId.connection, "Upgrade");
    fields.add(FieldId.upgrade, request.upgrade);
    if (webSocketKey !== "") fields.addNamed("Sec-WebSocket-Accept", webSocketAccept(webSocketKey));
    this.#send(exchange);
  }

  /**
   * The final head. `mayContinue`: the connection could serve another request. Returns whether it
   * will: a body of unknown length to an HTTP/1.0 client ends with the connection.
   */
  head(exchange: Exchange, mayContinue: boolean): boolean {
    const { request, response } = exchange;
    const unknown = response.hasBody && response.bodyLength === UNKNOWN_LENGTH;
    this.chunked = unknown && request.version !== HttpVersion.http10;
    this.keepAlive = mayContinue && (this.chunked || !unknown);
    this.#send(exchange);
    return this.keepAlive;
  }

  /** False: the client reads slower than this comes. */
  body(bytes: Buffer, start: number, end: number): boolean {
    if (this.chunked) sendChunk(this.#transport, this.#connection, bytes, start, end);
    else this.#transport.sendFrom(this.#connection, bytes, start, end);
    return !this.#transport.blocked(this.#connection);
  }

  /** Trailers go only to clients that said that they take them (RFC 9110 section 6.5.1). */
  end(exchange: Exchange, trailers: Fields): void {
    if (!this.chunked) return;
    const sent = exchange.request.acceptsTrailers ? trailers : null;
    const offset = this.#transport.reserve(lastChunkLength(sent));
    this.#transport.send(this.#connection, offset, encodeLastChunk(this.#transport.out, offset, sent));
  }

  /** The whole answer to a fault, from `localReply`. */
  local(exchange: Exchange, fault: Fault, keepAlive: boolean, wallMs: number): void {
    const { response } = exchange;
    const body = localReply(fault, exchange.request, response, wallMs);
    advertise(exchange);
    this.chunked = false;
    this.keepAlive = keepAlive;
    this.#send(exchange);
    if (!response.hasBody) return;
    exchange.responseBytes = body.length;
    this.#transport.sendFrom(this.#connection, body, 0, body.length);
  }

  #send({ request, response }: Exchange): void {
    const transport = this.#transport;
    this.version = request.version;
    const offset = transport.reserve(responseHeadLength(response));
    transport.send(this.#connection, offset, encodeResponseHead(transport.out, offset, response, this));
  }
}
