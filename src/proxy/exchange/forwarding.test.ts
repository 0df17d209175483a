import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { exchangeOf, valuesOf } from "../../../test/support/memory-exchange.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { get } from "../../../test/support/memory-http.ts";
import type { PlanSpec } from "../../../test/support/memory-plan.ts";
import { applyForwarding } from "./forwarding.ts";
import type { Exchange } from "./exchange.ts";

const TRUSTED: PlanSpec = { security: { trustedProxies: ["192.0.2.0/24", "2001:db8::/32"] } };
const APPEND: PlanSpec = { security: { untrustedForwarded: "append" } };

function forwarded(spec: PlanSpec, head: string, peerIp?: string): Exchange {
  const gateway = new MemoryGateway(spec);
  const exchange = exchangeOf(gateway, head, peerIp);
  applyForwarding(gateway.context, exchange);
  return exchange;
}

function fieldOf(exchange: Exchange, name: string): string[] {
  return valuesOf(exchange.request.fields, name);
}

test("a client that says nothing is described as it is seen", () => {
  const exchange = forwarded({}, get("/"), "203.0.113.9");
  assert.deepEqual(fieldOf(exchange, "x-forwarded-for"), ["203.0.113.9"]);
  assert.deepEqual(fieldOf(exchange, "x-forwarded-proto"), ["http"]);
  assert.deepEqual(fieldOf(exchange, "x-forwarded-host"), ["app.example"]);
  assert.deepEqual(fieldOf(exchange, "via"), ["1.1 expressgateway"]);
  assert.match(fieldOf(exchange, "x-request-id")[0] ?? "", /^[0-9a-f]{32}$/);
  assert.match(fieldOf(exchange, "traceparent")[0] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  assert.equal(exchange.clientIp, "203.0.113.9");
});

test("what a stranger claims is replaced, every line of it", () => {
  const lies = get(
    "/",
    "X-Forwarded-For: 10.0.0.1",
    "x-forwarded-for: 10.0.0.2",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: bank.example",
    "X-Forwarded-Port: 443",
    "X-Real-IP: 10.0.0.1",
    "Forwarded: for=10.0.0.1",
  );
  const exchange = forwarded({}, lies, "203.0.113.9");
  assert.deepEqual(fieldOf(exchange, "x-forwarded-for"), ["203.0.113.9"]);
  assert.deepEqual(fieldOf(exchange, "x-forwarded-proto"), ["http"]);
  assert.deepEqual(fieldOf(exchange, "x-forwarded-host"), ["app.example"]);
  for (const name of ["x-forwarded-port", "x-real-ip", "forwarded"])
    assert.deepEqual(fieldOf(exchange, name), []);
  assert.equal(exchange.clientIp, "203.0.113.9");
  assert.equal(exchange.secure, false);
});

test("in append mode a stranger's addresses are kept and still not believed", () => {
  const exchange = forwarded(
    APPEND,
    get("/", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 10.0.0.2, nonsense", "X-Forwarded-Proto: https"),
    "203.0.113.9",
  );
  assert.deepEqual(fieldOf(exchange, "x-forwarded-for"), ["10.0.0.1, 10.0.0.2, nonsense, 203.0.113.9"]);
  assert.deepEqual(fieldOf(exchange, "x-forwarded-proto"), ["http"]);
  assert.equal(exchange.clientIp, "203.0.113.9");
});

test("a trusted proxy is believed, and added to the chain", () => {
  const exchange = forwarded(
    TRUSTED,
    get(
      "/",
      "X-Forwarded-For: 198.51.100.7, 192.0.2.9",
      "X-Forwarded-Proto: HTTPS",
      "X-Forwarded-Host: public.example",
      "X-Forwarded-Port: 443",
      "X-Real-IP: 198.51.100.7",
    ),
  );
  assert.deepEqual(fieldOf(exchange, "x-forwarded-for"), ["198.51.100.7, 192.0.2.9, 192.0.2.1"]);
  assert.deepEqual(fieldOf(exchange, "x-forwarded-proto"), ["HTTPS"]);
  assert.deepEqual(fieldOf(exchange, "x-forwarded-host"), ["public.example"]);
  assert.deepEqual(fieldOf(exchange, "x-forwarded-port"), ["443"]);
  assert.deepEqual(fieldOf(exchange, "x-real-ip"), ["198.51.100.7"]);
  assert.equal(exchange.clientIp, "198.51.100.7");
  assert.equal(exchange.secure, true);
});

test("a trusted proxy that says nothing is itself the client", () => {
  for (const line of ["X-Custom: 1", "Via: 1.1 proxy"]) {
    const exchange = forwarded(TRUSTED, get("/", line));
    assert.deepEqual(fieldOf(exchange, "x-forwarded-for"), ["192.0.2.1"]);
    assert.deepEqual(fieldOf(exchange, "x-forwarded-proto"), ["http"]);
    assert.deepEqual(fieldOf(exchange, "x-forwarded-host"), ["app.example"]);
    assert.equal(exchange.clientIp, "192.0.2.1");
  }
});

test("an empty chain is no chain", () => {
  for (const spec of [TRUSTED, APPEND]) {
    const exchange = forwarded(spec, get("/", "X-Forwarded-For:"));
    assert.deepEqual(fieldOf(exchange, "x-forwarded-for"), ["192.0.2.1"]);
    assert.equal(exchange.clientIp, "192.0.2.1");
  }
});

test("Via grows by us, in the version that the client spoke", () => {
  const chained = forwarded({}, get("/", "Via: 1.0 a", "Via: 1.1 b (x)"));
  assert.deepEqual(fieldOf(chained, "via"), ["1.0 a, 1.1 b (x), 1.1 expressgateway"]);
  assert.deepEqual(fieldOf(forwarded({}, "GET / HTTP/1.0\r\n\r\n"), "via"), ["1.0 expressgateway"]);
  const old = forwarded({}, "GET / HTTP/1.0\r\nVia: 1.1 b\r\n\r\n");
  assert.deepEqual(fieldOf(old, "via"), ["1.1 b, 1.0 expressgateway"]);
});

test("a request without a host has no X-Forwarded-Host", () => {
  for (const line of ["", "X-Forwarded-Host: evil.example\r\n"]) {
    const exchange = forwarded({}, `GET / HTTP/1.0\r\n${line}\r\n`);
    assert.deepEqual(fieldOf(exchange, "x-forwarded-host"), []);
  }
});

test("random fields from any peer never fail, and leave exactly one of each", () => {
  const names = fc.constantFrom(
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "Via",
    "Forwarded",
    "X-Request-ID",
    "traceparent",
    "tracestate",
  );
  const value = fc
    .string({ unit: "binary-ascii", maxLength: 40 })
    .map((text) => text.replaceAll(/[^\t\x20-\x7e]/g, "\xe9").trim());
  const field = fc.tuple(names, value).map(([name, text]) => `${name}: ${text}`);
  const spec = fc.constantFrom<PlanSpec>({}, TRUSTED, APPEND);
  const peer = fc.constantFrom("192.0.2.1", "203.0.113.9", "2001:db8::1", "::ffff:192.0.2.1", "");
  fc.assert(
    fc.property(fc.array(field, { maxLength: 12 }), spec, peer, (lines, plan, peerIp) => {
      const exchange = forwarded(plan, get("/", ...lines), peerIp);
      for (const name of ["x-forwarded-for", "via", "x-request-id", "traceparent"]) {
        assert.equal(fieldOf(exchange, name).length, 1, name);
      }
      assert.deepEqual(fieldOf(exchange, "forwarded"), []);
      assert.ok((fieldOf(exchange, "x-forwarded-for")[0] ?? "").endsWith(exchange.peer.ip));
      assert.equal(exchange.requestId, fieldOf(exchange, "x-request-id")[0]);
      assert.equal(exchange.request.fields.value(exchange.traceField), fieldOf(exchange, "traceparent")[0]);
    }),
    { numRuns: 150 },
  );
});
