import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, get, ok, told } from "../../../test/support/memory-http.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import { ACCEPT_ERROR_KINDS } from "../plan.ts";

function slot(gateway: MemoryGateway, of: "acceptShed" | "acceptInflight" | "connectionsInflight"): number {
  return gateway.context.counters[gateway.plan.listeners[0]?.metrics[of] ?? NaN] ?? NaN;
}

test("connections are counted while they are open", () => {
  const gateway = new MemoryGateway();
  const clients = [gateway.client(), gateway.client(), gateway.client()];
  assert.equal(gateway.socket.openConnections, 3);
  assert.equal(slot(gateway, "acceptInflight"), 3);
  assert.equal(slot(gateway, "connectionsInflight"), 3);
  clients[0]?.end();
  clients[1]?.fail("ECONNRESET");
  assert.equal(gateway.socket.openConnections, 1);
  assert.equal(gateway.global("connections_total"), 3);
  assertClean(gateway, clients[2] as MemoryPeer);
});

test("an address at its cap is reset, and nobody else", () => {
  const gateway = new MemoryGateway({ runtime: { perIpConnectionCap: 2 } });
  const clients = [gateway.client("192.0.2.1"), gateway.client("192.0.2.1"), gateway.client("192.0.2.2")];
  assert.equal(gateway.tryClient("192.0.2.1"), null);
  assert.equal(gateway.tryClient("::ffff:192.0.2.1"), null, "the same address in another spelling");
  assert.equal(gateway.global("accept_reject_total"), 2);
  assert.equal(gateway.socket.openConnections, 3);
  clients[0]?.end();
  const next = gateway.client("192.0.2.1");
  assertClean(gateway, next, ...clients.slice(1));
});

test("over capacity a client is told so once it has asked, and the others are served", () => {
  const gateway = new MemoryGateway({ runtime: { maxInflightConnections: 1 } });
  const served = gateway.client("192.0.2.1");
  const shed = gateway.client("192.0.2.2");
  assert.equal(shed.text, "", "not before it has asked");
  shed.send(get("/"));
  assert.deepEqual(told(shed), ["503 listener over capacity"]);
  assert.match(shed.text, /\r\nretry-after: 1\r\n.*connection: close\r\n/s);
  assert.equal(shed.ending, "fin");
  shed.send(get("/more"));
  assert.equal(told(shed).length, 1);
  shed.end();
  assert.equal(shed.ending, "closed");
  assert.equal(slot(gateway, "acceptShed"), 1);
  assert.equal(slot(gateway, "acceptInflight"), 1);
  assert.deepEqual(gateway.allFaults, { over_capacity: 1 });
  served.send(get("/"));
  gateway.backend().send(ok("fine"));
  assert.deepEqual(told(served), ["200 fine"]);
  assertClean(gateway, served);
});

test("a place that becomes free is taken by the next one", () => {
  const gateway = new MemoryGateway({ runtime: { maxInflightConnections: 1 } });
  gateway.client().end();
  const next = gateway.client();
  next.send(get("/"));
  gateway.backend().send(ok("fine"));
  assert.deepEqual(told(next), ["200 fine"]);
  assertClean(gateway, next);
});

test("shed connections that say nothing, or stay, are gone after a second; beyond a number they are reset", () => {
  const gateway = new MemoryGateway({ runtime: { maxInflightConnections: 1 } });
  const served = gateway.client();
  const shed = Array.from({ length: 256 }, () => gateway.client());
  assert.equal(gateway.tryClient(), null);
  shed[0]?.send(get("/"));
  gateway.advance(1100);
  assert.ok(shed.every((peer) => peer.ending === "closed"));
  const again = gateway.client();
  again.send(get("/"));
  assert.deepEqual(told(again), ["503 listener over capacity"]);
  assertClean(gateway, served, again);
});

test("when descriptors are scarce, connections are turned away", () => {
  const gateway = new MemoryGateway();
  gateway.transport.scarce = true;
  const shed = gateway.client();
  shed.send(get("/"));
  assert.deepEqual(told(shed), ["503 listener over capacity"]);
  gateway.transport.scarce = false;
  const served = gateway.client();
  served.send(get("/"));
  gateway.backend().send(ok("fine"));
  assertClean(gateway, served, shed);
});

test("errors of accepting are counted by their kind", () => {
  const gateway = new MemoryGateway();
  const base = gateway.plan.listeners[0]?.metrics.acceptErrors ?? NaN;
  for (const code of ["EMFILE", "ENFILE", "EINTR", "ECONNABORTED", "EAGAIN", "EWHATEVER", "EMFILE"]) {
    gateway.socket.onAcceptError(code);
  }
  assert.deepEqual(
    ACCEPT_ERROR_KINDS.map((_, index) => gateway.context.counters[base + index]),
    [2, 1, 1, 1, 1, 1],
  );
});

test("a reload changes what the next request of a connection gets, and not the one under way", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(get("/before"));
  gateway.reload({ services: { other: ["10.0.0.9:80"] }, listener: { maxKeepaliveRequests: 2 } });
  gateway.backend(0).send(ok("old"));
  client.send(get("/after"));
  assert.equal(gateway.dial(1).target.host, "10.0.0.9");
  gateway.backend(1).send(ok("new"));
  assert.deepEqual(told(client), ["200 old", "200 new"]);
  assert.match(client.text, /connection: close/i, "the new cap counts the old request");
  gateway.transport.pump();
  assert.equal(gateway.backend(0).ending, "closed");
  client.end();
  gateway.stop();
  assert.equal(gateway.transport.openConnections, 0);
});

test("a reload that makes bytes of requests has those who ask for more go elsewhere, and leave", () => {
  const gateway = new MemoryGateway();
  const [busy, idle, late] = [gateway.client(), gateway.client(), gateway.client()];
  for (const client of [busy, idle]) {
    client.send(get("/"));
    gateway.backend().send(ok("fine"));
  }
  busy.send(get("/under-way"));
  gateway.reload({ services: { app: ["tcp://10.0.0.1:443"] }, listener: { protocol: "tls" } });
  late.send(get("/"));
  gateway.backend().send(ok("whole"));
  gateway.advance(1100);
  assert.deepEqual(told(busy), ["200 fine", "200 whole"], "what had begun is served by its generation");
  assert.deepEqual(told(idle), ["200 fine"]);
  assert.deepEqual(told(late), ["421 misdirected request"]);
  for (const client of [busy, idle, late]) assert.match(client.ending, /^(?:fin|closed)$/);
  assert.equal(gateway.transport.dials.length, 1, "the new backend speaks no HTTP");
  assert.equal(gateway.global("tls_misdirected_requests_total"), 0);
  assertClean(gateway, busy, idle, late);
});
