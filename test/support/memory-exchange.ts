/** One exchange by itself, as the parts that only look at its fields need it. */
import { Exchange, type ResponseSink } from "../../src/proxy/exchange/exchange.ts";
import { peerOf } from "../../src/proxy/exchange/peer.ts";
import { RequestDecoder } from "../../src/wire/h1/request-decoder.ts";
import { DEFAULT_H1_LIMITS } from "../../src/wire/h1/h1-limits.ts";
import { H1Event } from "../../src/wire/h1/h1-event.ts";
import type { Fields } from "../../src/wire/http/fields.ts";
import type { MemoryGateway } from "./memory-gateway.ts";

/** Takes a response and forgets it. */
const nowhere: ResponseSink = {
  informational() {},
  responseHead() {},
  writeResponse: () => true,
  endResponse() {},
  failResponse() {},
  resumeRequest() {},
  tunnelOpened() {},
};

/** An exchange of the gateway's listener, with the request that these bytes are the head of. */
export function exchangeOf(gateway: MemoryGateway, head: string | Buffer, peerIp = "192.0.2.1"): Exchange {
  const exchange = new Exchange();
  readHead(exchange, head);
  exchange.start(gateway.clock);
  exchange.begin(nowhere, gateway.socket.current, peerOf(peerIp));
  return exchange;
}

/** Reads another head into the same exchange, as a connection does for its next request. */
export function readHead(exchange: Exchange, head: string | Buffer): void {
  const decoder = new RequestDecoder(DEFAULT_H1_LIMITS, { headerUnderscorePolicy: "allow", strictTe: false });
  decoder.begin(exchange.request);
  const bytes = typeof head === "string" ? Buffer.from(head, "latin1") : head;
  decoder.next(bytes, 0, bytes.length);
  if (decoder.event !== H1Event.head) throw new Error(`not a head: ${String(decoder.fault)}`);
}

/** The values of a field, by its name in lower case. */
export function valuesOf(fields: Fields, name: string): string[] {
  return fields
    .toArray()
    .filter(([each]) => each.toLowerCase() === name)
    .map(([, value]) => value);
}
