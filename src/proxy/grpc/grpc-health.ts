/**
 * Answers `grpc.health.v1.Health/Check` for the gateway itself: it serves, as it answers. Of services by
 * name it knows nothing. Feature row A11.3.
 */
import { HEALTH_REQUEST_BYTES } from "../../base/limits.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import { UNKNOWN_LENGTH } from "../../wire/http/message.ts";
import { httpDate } from "../../wire/http/date.ts";
import { GrpcStatus } from "../../wire/grpc/grpc-status.ts";
import { requestedService, SERVING } from "../../wire/grpc/health-messages.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { WorkerContext } from "../worker-context.ts";
import { NO_TRAILERS, type Status, statusHead, statusTrailers } from "./grpc-answer.ts";
import { contentKindOf } from "./grpc-kind.ts";

const HEALTH_PATH = Buffer.from("/grpc.health.v1.Health/Check", "latin1");

const OK: Status = { code: GrpcStatus.ok, message: "" };
const UNKNOWN_SERVICE: Status = { code: GrpcStatus.notFound, message: "unknown service" };
const MALFORMED: Status = { code: GrpcStatus.internal, message: "malformed health check" };

/** After `openGrpc`, so that gRPC-Web's calls look like all others. */
export function isHealthCheck({ request, listener }: Exchange): boolean {
  const { grpc } = listener.plan;
  if (!grpc.enabled || !grpc.healthSynthesized || request.method !== "POST") return false;
  const { bytes } = request.fields;
  const { targetStart, pathEnd } = request;
  if (pathEnd - targetStart !== HEALTH_PATH.length) return false;
  return HEALTH_PATH.equals(bytes.subarray(targetStart, pathEnd)) && contentKindOf(request.fields) === "grpc";
}

/** Stands where the backend would, for one exchange. */
export class GrpcHealth implements RequestSink {
  readonly #exchange: Exchange;
  readonly #context: WorkerContext;
  readonly #parts: Buffer[] = [];
  #size = 0;

  constructor(exchange: Exchange, context: WorkerContext) {
    this.#exchange = exchange;
    this.#context = context;
  }

  start(): void {
    const { counters } = this.#context;
    (counters[GLOBAL_SLOTS.grpc_health_answered_total] as number) += 1;
    this.#exchange.upstream = this;
    if (this.#exchange.request.bodyLength === 0) this.endRequest();
    else this.#exchange.downstream.resumeRequest();
  }

  /** What is over the bound is counted and not kept: it cannot be a health check. */
  writeRequest(bytes: Buffer, start: number, end: number): boolean {
    this.#size += end - start;
    if (this.#size <= HEALTH_REQUEST_BYTES) this.#parts.push(Buffer.from(bytes.subarray(start, end)));
    return true;
  }

  endRequest(): void {
    const body = this.#size <= HEALTH_REQUEST_BYTES ? Buffer.concat(this.#parts) : null;
    const service = body === null ? null : requestedService(body);
    this.#exchange.upstream = null;
    if (service === "") this.#answer();
    else this.#refuse(service === null ? MALFORMED : UNKNOWN_SERVICE);
  }

  abortRequest(): void {}

  resumeResponse(): void {}

  #answer(): void {
    const { response, downstream } = this.#exchange;
    response.clear();
    response.status = 200;
    response.bodyLength = UNKNOWN_LENGTH;
    response.fields.add(FieldId.date, httpDate(this.#context.clock.wallMs));
    response.fields.add(FieldId.contentType, "application/grpc");
    downstream.responseHead();
    downstream.writeResponse(SERVING, 0, SERVING.length);
    downstream.endResponse(statusTrailers(OK));
  }

  #refuse(status: Status): void {
    const { response, downstream } = this.#exchange;
    statusHead(response, status, this.#context.clock.wallMs);
    downstream.responseHead();
    downstream.endResponse(NO_TRAILERS);
  }
}
