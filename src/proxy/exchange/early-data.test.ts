import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import type { H3RequestSpec } from "../../../test/support/codec-h3-client.ts";
import { assertCleanH3, MemoryH3Client } from "../../../test/support/memory-h3-client.ts";
import { ok, requestsTo, response } from "../../../test/support/memory-http.ts";
import { fieldValue } from "../../../test/support/strict-http1.ts";

test("a safe request in early data is passed on, and the backend is told", () => {
  for (const fields of [[], [["early-data", "1"]]] as const) {
    const gateway = new MemoryGateway();
    const client = new MemoryH3Client(gateway, { early: true });
    const answer = client.request("/", { fields });
    const told = requestsTo(gateway.backend())[0]?.fields ?? [];
    assert.deepEqual(
      told.filter(([name]) => name.toLowerCase() === "early-data").map(([, value]) => value),
      ["1"],
    );
    gateway.backend().send(ok("early"));
    client.turn();
    assert.equal(gateway.global("h3_early_data_requests_total"), 1);
    assert.equal(gateway.global("h3_early_data_refused_total"), 0);
    client.completeHandshake();
    assert.equal(answer.told, "200 early");
    const late = client.request("/late");
    assert.equal(fieldValue(requestsTo(gateway.backend())[1]?.fields ?? [], "early-data"), undefined);
    gateway.backend().send(ok("late"));
    client.turn();
    assert.equal(late.told, "200 late");
    assert.equal(gateway.global("h3_early_data_requests_total"), 1);
    assertCleanH3(gateway, client);
  }
});

test("one that is not safe is refused, and may come again when the handshake is complete", () => {
  const unsafe: readonly H3RequestSpec[] = [
    { method: "POST", body: "order" },
    { method: "PUT", body: "x" },
    { method: "DELETE" },
    { method: "GET", body: "with content" },
    { method: "GET", upgrade: "websocket" },
  ];
  for (const spec of unsafe) {
    const gateway = new MemoryGateway();
    const client = new MemoryH3Client(gateway, { early: true });
    client.turn();
    // What the client knows of the gateway's settings is of its last connection.
    if (spec.upgrade !== undefined) client.net.client.held = false;
    client.turn();
    const answer = client.request("/", spec);
    client.completeHandshake();
    assert.equal(answer.told, "425 too early");
    assert.equal(gateway.transport.dials.length, 0);
    assert.equal(gateway.global("h3_early_data_refused_total"), 1);
    assert.deepEqual(gateway.allFaults, { too_early: 1 });
    assertCleanH3(gateway, client);
  }
});

test("a backend that refuses early data has its 425 passed on", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway, { early: true });
  const answer = client.request("/");
  gateway.backend().send(response("425 Too Early", ""));
  client.completeHandshake();
  assert.deepEqual([answer.status, answer.ended], [425, true]);
  assertCleanH3(gateway, client);
});

test("a gRPC call is told by HTTP, which its client sends again; a status of gRPC would end it", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway, { early: true });
  const fields: [string, string][] = [
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ];
  const answer = client.request("/a.B/C", { method: "POST", fields, body: "xxxxx" });
  client.completeHandshake();
  assert.equal(answer.told, "425 too early");
  assert.equal(answer.field("grpc-status"), undefined);
  assertCleanH3(gateway, client);
});
