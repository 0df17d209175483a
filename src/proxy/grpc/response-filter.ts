/** A part between the upstream and the downstream of an exchange that changes nothing; others override what they change. */
import type { Fault } from "../../base/fault.ts";
import type { Fields } from "../../wire/http/fields.ts";
import type { Exchange, ResponseSink } from "../exchange/exchange.ts";

export class ResponseFilter implements ResponseSink {
  protected readonly exchange: Exchange;
  /** Towards the client. */
  protected readonly next: ResponseSink;

  /** Stands before what is now the exchange's downstream; whoever makes it puts it into that place. */
  constructor(exchange: Exchange) {
    this.exchange = exchange;
    this.next = exchange.downstream;
  }

  informational(): void {
    this.next.informational();
  }

  responseHead(): void {
    this.next.responseHead();
  }

  writeResponse(bytes: Buffer, start: number, end: number): boolean {
    return this.next.writeResponse(bytes, start, end);
  }

  endResponse(trailers: Fields): void {
    this.next.endResponse(trailers);
  }

  failResponse(fault: Fault): void {
    this.next.failResponse(fault);
  }

  resumeRequest(): void {
    this.next.resumeRequest();
  }

  tunnelOpened(): void {
    this.next.tunnelOpened();
  }
}
