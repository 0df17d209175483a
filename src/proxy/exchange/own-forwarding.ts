/**
 * The forwarding fields for a client that sent none of them: encoded once, copied for each further
 * request that would get the same (same peer, host, scheme and version), with new ids filled in.
 */
import type { RandomHex } from "../../base/random-hex.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import { Fields } from "../../wire/http/fields.ts";
import type { HttpVersion } from "../../wire/http/message.ts";
import type { Exchange } from "./exchange.ts";
import { ID_DIGITS } from "./request-id.ts";
import { PARENT_START, SPAN_DIGITS, TRACE_DIGITS, TRACE_START } from "./trace-context.ts";

/** A new trace, not sampled, with room for its ids. */
const TRACEPARENT = `00-${"0".repeat(TRACE_DIGITS)}-${"0".repeat(SPAN_DIGITS)}-00`;

export class OwnForwarding {
  #peerIp = "";
  #authority = "";
  #secure = false;
  #version: HttpVersion | -1 = -1;
  readonly #lines = new Fields();

  matches(exchange: Exchange): boolean {
    const { request } = exchange;
    return (
      this.#version === request.version &&
      this.#authority === request.authority &&
      this.#peerIp === exchange.peerIp &&
      this.#secure === exchange.secure
    );
  }

  remember(exchange: Exchange, via: string): void {
    const { authority, version } = exchange.request;
    const lines = this.#lines;
    this.#peerIp = exchange.peerIp;
    this.#authority = authority;
    this.#secure = exchange.secure;
    this.#version = version;
    lines.clear();
    lines.add(FieldId.xForwardedFor, exchange.peerIp);
    lines.add(FieldId.xForwardedProto, exchange.secure ? "https" : "http");
    if (authority !== "") lines.add(FieldId.xForwardedHost, authority);
    lines.add(FieldId.via, via);
    lines.add(FieldId.xRequestId, "0".repeat(ID_DIGITS));
    lines.add(FieldId.traceparent, TRACEPARENT);
  }

  apply(exchange: Exchange, random: RandomHex): void {
    const lines = this.#lines;
    const { fields } = exchange.request;
    const first = fields.count;
    const offset = fields.addLines(lines.bytes, 0, lines.length);
    for (let i = 0; i < lines.count; i++) {
      const nameStart = offset + lines.nameStart(i);
      fields.addSpan(nameStart, offset + lines.nameEnd(i), offset + lines.valueEnd(i), lines.id(i));
    }
    const last = first + lines.count - 1;
    const trace = fields.valueStart(last);
    random.writeTo(fields.bytes, fields.valueStart(last - 1), ID_DIGITS);
    random.writeTo(fields.bytes, trace + TRACE_START, TRACE_DIGITS);
    random.writeTo(fields.bytes, trace + PARENT_START, SPAN_DIGITS);
    exchange.requestIdField = last - 1;
    exchange.traceField = last;
  }
}
