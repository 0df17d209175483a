/**
 * Translates between a gRPC-Web client, which may speak any version of HTTP, and a gRPC backend (gRPC-Web,
 * "Protocol differences vs gRPC over HTTP2"): trailers travel as a last frame of the body, and in the
 * text form the body is Base64. It stands on both ways of an exchange, and buffers nothing.
 */
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import { Base64Decoder, decodedBound, encodeBase64, encodedLength } from "../../wire/grpc/base64-stream.ts";
import { webTrailersLength, writeWebTrailers } from "../../wire/grpc/web-trailers.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import { Fields } from "../../wire/http/fields.ts";
import { UNKNOWN_LENGTH } from "../../wire/http/message.ts";
import { refuseRequest } from "../downstream/exchange-end.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { NO_TRAILERS } from "./grpc-answer.ts";
import { contentKindOf, type GrpcKind } from "./grpc-kind.ts";
import { ResponseFilter } from "./response-filter.ts";

const GRPC_TYPE = "application/grpc";
const STATUS_FIELDS: readonly string[] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

export class GrpcWebBridge extends ResponseFilter implements RequestSink {
  readonly #kind: GrpcKind;
  /** `+proto` and the like, and parameters: the same on both sides. */
  readonly #suffix: string;
  readonly #decoder = new Base64Decoder();
  #upstream: RequestSink | null = null;
  /** The response is gRPC; another one is for whoever understands it, as it is. */
  #translates = false;
  /** The status came with the head: the frame of trailers has gone out already. */
  #trailersSent = false;
  #failed = false;

  constructor(exchange: Exchange, kind: GrpcKind) {
    super(exchange);
    this.#kind = kind;
    const { fields } = exchange.request;
    const type = fields.get(FieldId.contentType) ?? "";
    this.#suffix = type.slice(`application/grpc-${kind}`.length);
    fields.set(FieldId.contentType, GRPC_TYPE + this.#suffix);
    exchange.request.acceptsTrailers = true;
    if (this.#isText() && exchange.request.bodyLength > 0) exchange.request.bodyLength = UNKNOWN_LENGTH;
  }

  #isText(): boolean {
    return this.#kind === "web-text";
  }

  // From the client.

  /** Called whenever an upstream has taken the exchange: from now on the body passes here. */
  override resumeRequest(): void {
    const { exchange } = this;
    if (exchange.upstream !== this) {
      this.#upstream = exchange.upstream;
      exchange.upstream = this;
    }
    super.resumeRequest();
  }

  writeRequest(bytes: Buffer, start: number, end: number): boolean {
    const upstream = this.#next();
    if (!this.#isText()) return upstream.writeRequest(bytes, start, end);
    const decoded = Buffer.allocUnsafe(decodedBound(end - start));
    const size = this.#decoder.decode(bytes, start, end, decoded, 0);
    if (size === -1) {
      this.#refuse();
      return true;
    }
    return size === 0 || upstream.writeRequest(decoded, 0, size);
  }

  endRequest(): void {
    if (this.#isText() && !this.#decoder.complete) return this.#refuse();
    this.#next().endRequest(NO_TRAILERS);
  }

  abortRequest(fault: Fault): void {
    this.#upstream?.abortRequest(fault);
  }

  resumeResponse(): void {
    this.#upstream?.resumeResponse();
  }

  #next(): RequestSink {
    assert(this.#upstream !== null, "the body of a request has somewhere to go");
    return this.#upstream;
  }

  #refuse(): void {
    refuseRequest(this.exchange, new Fault("bad_request", "the body is not Base64"));
  }

  // From the backend.

  override responseHead(): void {
    const { response } = this.exchange;
    const { fields } = response;
    this.#translates = contentKindOf(fields) === "grpc";
    if (!this.#translates) return super.responseHead();
    const status = takeStatus(fields);
    fields.set(FieldId.contentType, `application/grpc-${this.#kind}${this.#suffix}`);
    response.bodyLength = UNKNOWN_LENGTH;
    response.hasBody = true;
    super.responseHead();
    if (status.count === 0 || this.#failed) return;
    this.#trailersSent = true;
    this.#sendTrailers(status);
  }

  override writeResponse(bytes: Buffer, start: number, end: number): boolean {
    if (!this.#isText() || !this.#translates) return super.writeResponse(bytes, start, end);
    const text = Buffer.allocUnsafe(encodedLength(end - start));
    return super.writeResponse(text, 0, encodeBase64(bytes, start, end, text, 0));
  }

  override endResponse(trailers: Fields): void {
    if (!this.#translates) return super.endResponse(trailers);
    if (!this.#trailersSent) this.#sendTrailers(trailers);
    // The frame may have been too much for the response's cap.
    if (!this.#failed) super.endResponse(NO_TRAILERS);
  }

  override failResponse(fault: Fault): void {
    this.#failed = true;
    super.failResponse(fault);
  }

  #sendTrailers(trailers: Fields): void {
    const frame = Buffer.allocUnsafe(webTrailersLength(trailers));
    const end = writeWebTrailers(trailers, frame, 0);
    this.writeResponse(frame, 0, end);
  }
}

/** Moves the status of a response without messages out of its head. */
function takeStatus(fields: Fields): Fields {
  const status = new Fields();
  for (const name of STATUS_FIELDS) {
    const index = fields.findNamed(Buffer.from(name, "latin1"));
    if (index === -1) continue;
    status.addNamed(name, fields.value(index));
    fields.remove(index);
  }
  return status;
}
