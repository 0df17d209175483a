/**
 * One gRPC call on its way back: whatever ends it that is not gRPC (a fault, a backend's or another
 * proxy's error page) becomes a gRPC status, so that the caller learns what happened instead of
 * "malformed response". Feature rows A11.2, A11.4.
 */
import { Fault, type FaultCode } from "../../base/fault.ts";
import type { Clock } from "../../base/clock.ts";
import { grpcStatusOf } from "../../wire/grpc/grpc-status.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { NO_TRAILERS, type Status, statusHead, statusOfFault, statusTrailers } from "./grpc-answer.ts";
import { contentKindOf } from "./grpc-kind.ts";
import { ResponseFilter } from "./response-filter.ts";

const HTTP_OK = 200;

/** What a client of HTTP answers by asking again, later or elsewhere; a status of gRPC would end the call. */
const FOR_HTTP: ReadonlySet<FaultCode> = new Set(["too_early", "misdirected_request"]);

export class GrpcCall extends ResponseFilter {
  readonly #clock: Clock;

  constructor(exchange: Exchange, clock: Clock) {
    super(exchange);
    this.#clock = clock;
  }

  override responseHead(): void {
    const { response } = this.exchange;
    if (response.status === HTTP_OK || contentKindOf(response.fields) === "grpc") return super.responseHead();
    const { status } = response;
    // Its body explains it to people, whom it does not reach.
    this.exchange.releaseUpstream(new Fault("client_closed", "the answer is not gRPC"));
    this.#answer({ code: grpcStatusOf(status), message: `HTTP status ${status}` });
  }

  override failResponse(fault: Fault): void {
    const { exchange } = this;
    const status = statusOfFault(fault);
    if (FOR_HTTP.has(fault.code)) {
      super.failResponse(fault);
    } else if (!exchange.responseStarted) {
      exchange.fault = fault;
      this.#answer(status);
    } else if (fault.code === "grpc_deadline_exceeded") {
      exchange.fault = fault;
      this.next.endResponse(statusTrailers(status));
    } else {
      super.failResponse(fault);
    }
  }

  #answer(status: Status): void {
    statusHead(this.exchange.response, status, this.#clock.wallMs);
    this.next.responseHead();
    this.next.endResponse(NO_TRAILERS);
  }
}
