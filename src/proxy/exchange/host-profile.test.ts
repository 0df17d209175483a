import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { exchangeOf, readHead } from "../../../test/support/memory-exchange.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { encodeRequestHead, requestHeadLength } from "../../wire/h1/encode-request.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import type { Exchange } from "./exchange.ts";
import { peerOf } from "./peer.ts";
import { applyForwarding } from "./forwarding.ts";

const gateway = new MemoryGateway();

/** The head as a backend gets it. */
function onTheWire(exchange: Exchange): string {
  const out = Buffer.alloc(requestHeadLength(exchange.request));
  return out.toString("latin1", 0, encodeRequestHead(out, 0, exchange.request));
}

/** Ids of equal length stand in for the random ones. */
function withoutIds(text: string): string {
  return text
    .replaceAll(/X-Request-ID: [0-9a-f]{32}\r\n/g, "X-Request-ID: *\r\n")
    .replaceAll(/traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00\r\n/g, "traceparent: *\r\n");
}

interface Asked {
  readonly host: number;
  readonly peer: number;
  readonly version: "1.0" | "1.1";
  readonly secure: boolean;
  readonly fields: number;
}

const asked: fc.Arbitrary<Asked> = fc
  .record({
    host: fc.nat({ max: 2 }),
    peer: fc.nat({ max: 2 }),
    version: fc.constantFrom("1.0" as const, "1.1" as const),
    secure: fc.boolean(),
    fields: fc.nat({ max: 40 }),
  })
  // HTTP/1.1 demands a host.
  .map((each) => (each.version === "1.1" ? { ...each, host: each.host % 2 } : each));

const HOSTS = ["a.example", "bb.example:8080", ""];
const PEERS = ["192.0.2.1", "2001:db8::1", ""];

function headOf({ host, version, fields }: Asked): string {
  const name = HOSTS[host] ?? "";
  const hostLine = name === "" ? "" : `Host: ${name}\r\n`;
  const lines = Array.from({ length: fields }, (_, i) => `X-Field-${i}: ${"v".repeat(i)}\r\n`).join("");
  return `GET / HTTP/${version}\r\n${hostLine}${lines}\r\n`;
}

/** As another proxy would be forwarded, with the one field that makes no difference to the outcome removed. */
function slowly(each: Asked): string {
  const exchange = exchangeOf(
    gateway,
    headOf(each).replace(/\r\n\r\n$/, "\r\nForwarded: x\r\n\r\n"),
    PEERS[each.peer],
  );
  exchange.secure = each.secure;
  applyForwarding(gateway.context, exchange);
  return withoutIds(onTheWire(exchange));
}

test("the remembered fields are byte for byte those of the long way, whoever asked before", () => {
  fc.assert(
    fc.property(fc.array(asked, { minLength: 1, maxLength: 12 }), (requests) => {
      const exchange = exchangeOf(gateway, headOf(requests[0] as Asked));
      const ids = new Set<string>();
      for (const each of requests) {
        exchange.reset();
        readHead(exchange, headOf(each));
        exchange.peer = peerOf(PEERS[each.peer] ?? "");
        exchange.secure = each.secure;
        applyForwarding(gateway.context, exchange);
        assert.equal(withoutIds(onTheWire(exchange)), slowly(each));
        const { fields } = exchange.request;
        assert.equal(fields.id(exchange.requestIdField), FieldId.xRequestId);
        assert.equal(fields.id(exchange.traceField), FieldId.traceparent);
        assert.match(exchange.requestId, /^[0-9a-f]{32}$/);
        assert.match(fields.value(exchange.traceField), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
        ids.add(exchange.requestId);
      }
      assert.equal(ids.size, requests.length, "every request has ids of its own");
    }),
    { numRuns: 100 },
  );
});
