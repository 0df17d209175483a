import assert from "node:assert/strict";
import { test } from "node:test";
import { exchangeOf } from "../../../test/support/memory-exchange.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { get } from "../../../test/support/memory-http.ts";
import { UNKNOWN_LENGTH } from "../../wire/http/message.ts";
import { requestTooLarge, responseTooLarge } from "./body-caps.ts";
import type { Exchange } from "./exchange.ts";

function capped(bytes: number): Exchange {
  const gateway = new MemoryGateway({ http: { maxRequestBodyBytes: bytes, maxResponseBodyBytes: bytes } });
  return exchangeOf(gateway, get("/"));
}

test("both what is announced and what has come count, up to the cap itself", () => {
  for (const [announced, came, over] of [
    [100, 0, false],
    [101, 0, true],
    [UNKNOWN_LENGTH, 100, false],
    [UNKNOWN_LENGTH, 101, true],
    [0, 0, false],
  ] as const) {
    const exchange = capped(100);
    exchange.request.bodyLength = announced;
    exchange.requestBytes = came;
    exchange.response.bodyLength = announced;
    exchange.responseBytes = came;
    assert.equal(requestTooLarge(exchange)?.code, over ? "body_too_large" : undefined);
    assert.equal(responseTooLarge(exchange)?.code, over ? "response_too_large" : undefined);
  }
});

test("0 is no cap", () => {
  const exchange = capped(0);
  exchange.request.bodyLength = exchange.response.bodyLength = Number.MAX_SAFE_INTEGER;
  exchange.requestBytes = exchange.responseBytes = Number.MAX_SAFE_INTEGER;
  assert.equal(requestTooLarge(exchange), null);
  assert.equal(responseTooLarge(exchange), null);
});

test("a response without a body is never too large, whatever length it names", () => {
  const exchange = capped(100);
  exchange.response.bodyLength = 5000;
  exchange.response.hasBody = false;
  assert.equal(responseTooLarge(exchange), null);
});
