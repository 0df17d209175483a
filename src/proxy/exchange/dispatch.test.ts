import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { answersTo, assertClean, get, ok, post, told } from "../../../test/support/memory-http.ts";

test("a request goes to the service of its route", () => {
  const gateway = new MemoryGateway({
    services: { app: ["10.0.0.1:80"], api: ["10.0.0.2:80"] },
    routes: [
      { rule: "PathPrefix(`/`)", service: "app" },
      { rule: "Host(`api.example`) && PathPrefix(`/v1`)", service: "api" },
    ],
  });
  const client = gateway.client();
  const asked: readonly (readonly [string, string])[] = [
    [get("/v1"), "10.0.0.1"],
    [get("/v1").replace("app.example", "api.example"), "10.0.0.2"],
    [get("/v2").replace("app.example", "api.example"), "10.0.0.1"],
    ["GET http://api.example/v1 HTTP/1.1\r\nHost: app.example\r\n\r\n", "10.0.0.2"],
  ];
  for (const [bytes, host] of asked) {
    client.send(bytes);
    const got = gateway.transport.dials.filter(({ peer }) => peer.take() !== "");
    assert.deepEqual(
      got.map(({ target }) => target.host),
      [host],
    );
    got[0]?.peer.send(ok("x"));
  }
  assertClean(gateway, client);
});

test("no route and no backend have their answers, as text or JSON", () => {
  const gateway = new MemoryGateway({
    services: { app: [] },
    routes: [{ rule: "Path(`/empty`)" }],
  });
  const client = gateway.client();
  client.send(get("/nowhere"));
  client.send(get("/empty"));
  client.send(get("/nowhere", "Accept: text/html, application/json"));
  assert.deepEqual(told(client), [
    "404 No route matched",
    "502 no backend available",
    '404 {"error":"No route matched"}',
  ]);
  assert.deepEqual(gateway.allFaults, { no_route: 2, no_backend: 1 });
  assert.equal(gateway.transport.dials.length, 0);
  assertClean(gateway, client);
});

test("gRPC over HTTP/1.1 is refused with the reason; gRPC-Web and the like pass", () => {
  const grpc = ["application/grpc", "application/grpc+proto", "APPLICATION/GRPC; x=1", "application/grpc\t"];
  const other = [
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpcx",
    "application/grp",
    "text/plain",
  ];
  for (const type of [...grpc, ...other]) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(post("/", "", `Content-Type: ${type}`));
    if (grpc.includes(type)) {
      assert.deepEqual(told(client), ["415 gRPC needs HTTP/2"], type);
      assert.equal(gateway.transport.dials.length, 0);
    } else {
      gateway.backend().send(ok("x"));
      assert.deepEqual(told(client), ["200 x"], type);
    }
    assertClean(gateway, client);
  }
});

test("rules see the client that trusted proxies name", () => {
  const gateway = new MemoryGateway({
    security: { trustedProxies: ["192.0.2.1"] },
    routes: [{ rule: "ClientIP(`198.51.100.0/24`)" }],
  });
  const proxy = gateway.client("192.0.2.1");
  proxy.send(get("/", "X-Forwarded-For: 198.51.100.7"));
  gateway.backend().send(ok("x"));
  const stranger = gateway.client("203.0.113.1");
  stranger.send(get("/", "X-Forwarded-For: 198.51.100.7"));
  assert.equal(answersTo(proxy)[0]?.status, 200);
  assert.equal(answersTo(stranger)[0]?.status, 404);
  assertClean(gateway, proxy, stranger);
});
