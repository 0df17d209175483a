/** Rules choose the service: host, path, method, fields, query, address, priority; else 404. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { freePort } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import { h1Listener } from "../support/gateway-config.ts";
import { RawClient } from "../support/raw-client.ts";
import { named } from "../support/scripts.ts";
import { statusOf } from "../support/strict-http1.ts";
import { startBackend, suiteScope } from "../support/suite.ts";

const RULES: Readonly<Record<string, string>> = {
  api: "Host(`api.example.com`) && PathPrefix(`/v1`)",
  exact: "Path(`/exact`)",
  regexp: "HostRegexp(`^[a-z]+\\.apps\\.example$`)",
  numbers: "PathRegexp(`^/items/[0-9]+$`)",
  writes: "PathPrefix(`/things`) && (Method(`post`) || Method(`PUT`))",
  reads: "PathPrefix(`/things`) && !(Method(`POST`) || Method(`PUT`))",
  beta: "Header(`X-Beta`, `yes`)",
  query: "Query(`lang`, `fr`)",
  local: "ClientIP(`127.0.0.9/32`)",
  second: "PathPrefix(`/second`)",
};

const scope = suiteScope();
let port = 0;
let secondPort = 0;
before(async () => {
  const services: Record<string, Record<string, unknown>> = {};
  for (const name of Object.keys(RULES)) {
    const backend = await startBackend(scope, { script: named(name) });
    services[name] = { backends: [{ address: backend.address, protocol: "h1" }] };
  }
  const routers: Record<string, Record<string, unknown>> = {};
  for (const [name, rule] of Object.entries(RULES)) routers[name] = { rule, service: name };
  routers["second"] = { ...routers["second"], listeners: ["other"] };
  port = await freePort();
  secondPort = await freePort();
  const listeners = [h1Listener(port, []), h1Listener(secondPort, [], { name: "other" })];
  await Gateway.start(scope, { listeners, routers, services });
});

interface Request {
  readonly method?: string;
  readonly host?: string;
  readonly lines?: readonly string[];
  readonly from?: string;
  readonly port?: number;
}

/** The service that answers, or the status when none does. */
async function routed(target: string, request: Request = {}): Promise<string> {
  const { method = "GET", host = "x.example", lines = [] } = request;
  const source = request.from === undefined ? {} : { localAddress: request.from };
  const client = await RawClient.connect(request.port ?? port, source);
  const answer = await client.request(
    [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...lines, "", ""].join("\r\n"),
  );
  client.destroy();
  return statusOf(answer) === 200 ? answer.body.toString() : String(statusOf(answer));
}

describe("routing", { timeout: 30_000 }, () => {
  it("matches host and path together", async () => {
    assert.equal(await routed("/v1/users", { host: "api.example.com" }), "api");
    assert.equal(await routed("/v1", { host: "API.example.COM:8080" }), "api");
    assert.equal(await routed("/v2", { host: "api.example.com" }), "404");
    assert.equal(await routed("/v1", { host: "api.example.org" }), "404");
  });

  it("matches an exact path without its query", async () => {
    assert.equal(await routed("/exact?a=1"), "exact");
    assert.equal(await routed("/exact/more"), "404");
  });

  it("matches regular expressions on host and path", async () => {
    assert.equal(await routed("/", { host: "blog.apps.example" }), "regexp");
    assert.equal(await routed("/", { host: "blog9.apps.example" }), "404");
    assert.equal(await routed("/items/12"), "numbers");
    assert.equal(await routed("/items/x"), "404");
  });

  it("combines matchers with or, and, not", async () => {
    assert.equal(await routed("/things/1", { method: "PUT", lines: ["Content-Length: 0"] }), "writes");
    assert.equal(await routed("/things/1"), "reads");
  });

  it("matches fields, query and client address", async () => {
    assert.equal(await routed("/", { lines: ["x-beta: yes"] }), "beta");
    assert.equal(await routed("/", { lines: ["X-Beta: no"] }), "404");
    assert.equal(await routed("/?a=b&lang=fr"), "query");
    assert.equal(await routed("/", { from: "127.0.0.9" }), "local");
  });

  it("sees the path of an absolute target", async () => {
    assert.equal(await routed("http://api.example.com/v1/x", { host: "decoy.example" }), "api");
  });

  it("serves a router only on its listeners", async () => {
    assert.equal(await routed("/second"), "404");
    assert.equal(await routed("/second", { port: secondPort }), "second");
  });

  it("answers 404 when no rule matches, and keeps the connection", async () => {
    const client = await RawClient.connect(port);
    assert.equal(statusOf(await client.request("GET /nowhere HTTP/1.1\r\nHost: x.example\r\n\r\n")), 404);
    const next = await client.request("GET /exact HTTP/1.1\r\nHost: x.example\r\n\r\n");
    assert.equal(next.body.toString(), "exact");
    client.destroy();
  });
});
