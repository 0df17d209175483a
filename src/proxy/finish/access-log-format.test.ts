import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fault, FAULT_CODES } from "../../base/fault.ts";
import { HttpVersion } from "../../wire/http/message.ts";
import { exchangeOf } from "../../../test/support/memory-exchange.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { get } from "../../../test/support/memory-http.ts";
import type { PlanSpec } from "../../../test/support/memory-plan.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { applyForwarding } from "../exchange/forwarding.ts";
import { JSON_START, logPart, MAX_LINE_BYTES, writeCommon, writeJson } from "./access-log-format.ts";
import { LineWriter } from "./line-writer.ts";
import { LogTime } from "./log-time.ts";

const gateway = new MemoryGateway();

function written(write: typeof writeJson, exchange: Exchange, status: number, nowMs: number): string {
  const line = new LineWriter(Buffer.alloc(MAX_LINE_BYTES));
  const time = new LogTime(JSON_START);
  exchange.endMs = nowMs;
  write(line, exchange, status, time);
  assert.ok(line.position <= MAX_LINE_BYTES);
  const text = line.target.toString("latin1", 0, line.position);
  assert.match(text, /^[\x20-\x7e]*\n$/, "one line of ASCII");
  return text;
}

function parsed(exchange: Exchange, status: number, nowMs = 0): Record<string, unknown> {
  return JSON.parse(written(writeJson, exchange, status, nowMs)) as Record<string, unknown>;
}

/** Everything that an exchange can have: a route, a backend, an answer, a fault. */
function full(spec: PlanSpec = {}): Exchange {
  const world = new MemoryGateway(spec);
  const exchange = exchangeOf(world, get("/a?b", "User-Agent: curl/8"));
  applyForwarding(world.context, exchange);
  exchange.route = exchange.listener.routes[0] ?? null;
  exchange.backend = exchange.route?.service.backends[0] ?? null;
  exchange.attempts = 2;
  exchange.pickMs = 10;
  exchange.responseHeadMs = 12.5;
  exchange.requestBytes = 7;
  exchange.responseBytes = 5_000_000_000;
  exchange.fault = new Fault("client_closed", "ECONNRESET");
  return exchange;
}

test("a line says everything about a request", () => {
  const exchange = full();
  const line = parsed(exchange, 200, 20.125);
  const { request_id: id, trace_id: trace, ...rest } = line;
  assert.deepEqual(rest, {
    timestamp: "2026-01-02T03:04:05.000Z",
    client_ip: "192.0.2.1",
    method: "GET",
    host: "app.example",
    path: "/a?b",
    protocol: "HTTP/1.1",
    status: 200,
    request_bytes: 7,
    response_bytes: 5_000_000_000,
    duration_ms: 20.125,
    listener: "web",
    route: "r0",
    service: "app",
    backend: "10.0.0.1:80",
    attempts: 2,
    upstream_ms: 2.5,
    user_agent: "curl/8",
    reason: "client_closed",
    detail: "ECONNRESET",
  });
  assert.equal(id, exchange.requestId);
  assert.match(String(trace), /^[0-9a-f]{32}$/);
  assert.ok((exchange.request.fields.get(FieldId.traceparent) ?? "").includes(String(trace)));
});

test("what did not happen is not in the line", () => {
  const exchange = exchangeOf(gateway, get("/"));
  assert.deepEqual(Object.keys(parsed(exchange, 404)), [
    "timestamp",
    "client_ip",
    "method",
    "host",
    "path",
    "protocol",
    "status",
    "request_bytes",
    "response_bytes",
    "duration_ms",
    "listener",
    "request_id",
    "trace_id",
  ]);
});

test("a line of a request whose head was not readable is one all the same", () => {
  const exchange = exchangeOf(gateway, get("/"));
  exchange.request.clear();
  exchange.fault = new Fault("bad_request", "not a method");
  assert.equal(parsed(exchange, 400)["method"], "");
  assert.match(written(writeCommon, exchange, 400, 0), /^192\.0\.2\.1 - - \[[^\]]+\] "-" 400 -\n$/);
});

/** Octets that a head can bring through, all of them and more. */
const octets = fc.string({ unit: "binary", maxLength: 60 });

test("whatever garbage there is in it, a line is one line of JSON that says the same", () => {
  const fields = fc.record({ host: octets, path: octets, agent: octets, detail: octets, route: octets });
  fc.assert(
    fc.property(fields, fc.constantFrom(...FAULT_CODES), ({ host, path, agent, detail, route }, code) => {
      const exchange = exchangeOf(gateway, get("/"));
      const latin1 = (text: string): string => Buffer.from(text, "latin1").toString("latin1");
      exchange.request.authority = host;
      exchange.request.path = latin1(path);
      exchange.fault = new Fault(code, detail);
      const name = "User-Agent";
      const bytes = Buffer.from(name + agent, "latin1");
      exchange.request.fields.addBytes(bytes, 0, name.length, name.length, bytes.length);
      const known = exchange.listener.routes[0];
      assert.ok(known !== undefined);
      exchange.route = { ...known, logPart: logPart({ listener: "l", route, service: "s" }) };
      const line = parsed(exchange, 400);
      assert.equal(line["host"], latin1(host));
      assert.equal(line["path"], latin1(path));
      assert.equal(line["user_agent"], latin1(agent));
      assert.equal(line["route"], route);
      assert.equal(line["detail"] ?? "", latin1(detail));
      written(writeCommon, exchange, 400, 0);
    }),
    { numRuns: 300 },
  );
});

test("every octet survives", () => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString("latin1");
  const exchange = exchangeOf(gateway, get("/"));
  exchange.request.path = every;
  assert.equal(parsed(exchange, 200)["path"], every);
});

test("long values are cut, and no line is longer than its bound", () => {
  const long = "\xff".repeat(10_000);
  const name = "\u2028".repeat(5000);
  const exchange = full({ services: { [name]: [`${"h".repeat(5000)}:80`] }, listener: { name } });
  exchange.request.authority = exchange.request.path = long;
  // The gateway knows no such host.
  exchange.host = null;
  exchange.request.fields.set(FieldId.userAgent, long);
  exchange.fault = new Fault("upstream_malformed", long);
  const line = parsed(exchange, 502);
  for (const key of ["host", "path", "user_agent", "detail"]) assert.equal(line[key], "\xff".repeat(2048));
  for (const key of ["listener", "service"]) assert.equal(line[key], "\u2028".repeat(256));
  assert.equal(line["backend"], "h".repeat(256));
});

test("the common format is that of NCSA httpd", () => {
  const exchange = full();
  assert.equal(
    written(writeCommon, exchange, 206, 0),
    '192.0.2.1 - - [02/Jan/2026:03:04:05 +0000] "GET /a?b HTTP/1.1" 206 5000000000\n',
  );
  exchange.responseBytes = 0;
  exchange.request.version = HttpVersion.http10;
  exchange.request.path = '/"\\\x01';
  assert.equal(
    written(writeCommon, exchange, 0, 0),
    '192.0.2.1 - - [02/Jan/2026:03:04:05 +0000] "GET /\\"\\\\\\u0001 HTTP/1.0" 0 -\n',
  );
});
