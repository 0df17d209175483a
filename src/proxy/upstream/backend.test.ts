import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import { answersTo, assertClean, get, ok, told } from "../../../test/support/memory-http.ts";

/** So many clients, each with a request under way. */
function requesting(gateway: MemoryGateway, count: number): MemoryPeer[] {
  return Array.from({ length: count }, (_, index) => {
    const client = gateway.client();
    client.send(get(`/${index}`));
    return client;
  });
}

test("the connection that was used last is used first, and the others age out", () => {
  const gateway = new MemoryGateway({ pool: { idleTimeoutMs: 10_000 } });
  const clients = requesting(gateway, 3);
  for (const index of [0, 1, 2]) gateway.backend(index).send(ok("x"));
  assert.equal(gateway.global("pool_idle_gauge"), 3);
  for (const peer of gateway.transport.dials.map((dial) => dial.peer)) peer.take();
  for (let i = 0; i < 4; i++) {
    gateway.advance(4000);
    clients[0]?.send(get("/again"));
    assert.match(gateway.backend(2).take(), /^GET \/again /);
    gateway.backend(2).send(ok("y"));
  }
  assert.deepEqual(
    [0, 1, 2].map((index) => gateway.backend(index).ending),
    ["closed", "closed", "open"],
  );
  assert.equal(gateway.transport.dials.length, 3);
  assert.equal(gateway.global("pool_acquires_total"), 7);
  assert.equal(gateway.global("pool_reuses_total"), 4);
  assertClean(gateway, ...clients);
});

test("no more connections than the limit; who waits is served in turn as they come back", () => {
  const gateway = new MemoryGateway({ pool: { maxPerBackend: 2 } });
  const clients = requesting(gateway, 5);
  assert.equal(gateway.transport.dials.length, 2);
  for (let i = 0; i < 5; i++) gateway.backend(i % 2).send(ok(`answer ${i}`));
  assert.deepEqual(
    clients.flatMap((client) => told(client)),
    ["200 answer 0", "200 answer 1", "200 answer 2", "200 answer 3", "200 answer 4"],
  );
  assert.equal(gateway.transport.dials.length, 2);
  assertClean(gateway, ...clients);
});

test("a connection that closes makes room for a new one while somebody waits", () => {
  const gateway = new MemoryGateway({ pool: { maxPerBackend: 1 } });
  const clients = requesting(gateway, 2);
  gateway.backend(0).send(ok("first", "Connection: close"));
  gateway.backend(1).send(ok("second"));
  assert.deepEqual(
    clients.flatMap((client) => told(client)),
    ["200 first", "200 second"],
  );
  assertClean(gateway, ...clients);
});

test("no more waiters than the limit: the next one gets 503 at once", () => {
  const gateway = new MemoryGateway({ pool: { maxPerBackend: 1, maxPendingPerBackend: 2 } });
  const clients = requesting(gateway, 4);
  assert.deepEqual(told(clients[3] as MemoryPeer), ["503 backend at its connection limit"]);
  assert.match(clients[3]?.text ?? "", /\r\nRetry-After: 1\r\n/);
  assert.deepEqual(gateway.allFaults, { pool_exhausted: 1 });
  for (let i = 0; i < 3; i++) gateway.backend().send(ok(`answer ${i}`));
  assert.deepEqual(
    clients.slice(0, 3).flatMap((client) => told(client)),
    ["200 answer 0", "200 answer 1", "200 answer 2"],
  );
  assertClean(gateway, ...clients);
});

test("waiting for a connection that may still be opened is not waiting in line", () => {
  const gateway = new MemoryGateway({ pool: { maxPerBackend: 2, maxPendingPerBackend: 1 } });
  const clients = requesting(gateway, 4);
  assert.deepEqual(told(clients[3] as MemoryPeer), ["503 backend at its connection limit"]);
  assert.equal(gateway.transport.dials.length, 2);
});

test("a waiter at the connection limit gets 503 when its time is up, and its place is free", () => {
  const gateway = new MemoryGateway({
    pool: { maxPerBackend: 1, maxPendingPerBackend: 1 },
    runtime: { connectTimeoutMs: 3000 },
  });
  const [, waiting] = requesting(gateway, 2);
  gateway.advance(3100);
  assert.deepEqual(told(waiting as MemoryPeer), ["503 backend at its connection limit"]);
  waiting?.send(get("/again"));
  gateway.backend().send(ok("first"));
  gateway.backend().send(ok("again"));
  assert.equal(answersTo(waiting as MemoryPeer)[1]?.body, "again");
  assertClean(gateway);
});

test("a backend that comes back is not stormed: a bounded number of dials at once", () => {
  const gateway = new MemoryGateway({ pool: { maxPerBackend: 500, maxPendingPerBackend: 500 } });
  gateway.holdDials();
  const clients = requesting(gateway, 300);
  assert.equal(gateway.transport.dials.length, 64);
  gateway.transport.onDial = ({ peer }) => peer.accept();
  for (const dial of gateway.transport.dials.slice(0, 64)) dial.peer.accept();
  for (let i = 0; clients.some((client) => client.text === ""); i++)
    gateway.backend(i % gateway.transport.dials.length).send(ok("x"));
  assert.ok(clients.every((client) => client.text !== ""));
  assertClean(gateway, ...clients);
});

test("idle connections are bounded for each backend and in all", () => {
  const gateway = new MemoryGateway({
    services: { app: ["10.0.0.1:80", "10.0.0.2:80"] },
    pool: { maxIdlePerBackend: 3, maxIdleTotal: 4 },
  });
  const clients = requesting(gateway, 10);
  for (const { peer } of gateway.transport.dials) peer.send(ok("x"));
  const open = gateway.transport.dials.filter(({ peer }) => peer.ending === "open");
  assert.equal(gateway.global("pool_idle_gauge"), 4);
  assert.equal(open.length, 4);
  assert.equal(open.filter(({ target }) => target.host === "10.0.0.1").length <= 3, true);
  assertClean(gateway, ...clients);
});

test("a connection is not kept beyond its age, however busy it is", () => {
  const gateway = new MemoryGateway({ pool: { maxAgeMs: 10_000, idleTimeoutMs: 60_000 } });
  const client = gateway.client();
  for (let second = 0; second < 15; second++) {
    client.send(get("/"));
    gateway.backend(second < 10 ? 0 : 1).send(ok("x"));
    gateway.advance(1000);
  }
  assert.equal(answersTo(client).length, 15);
  assert.equal(gateway.backend(0).ending, "closed");
  assert.equal(gateway.transport.dials.length, 2);
  assertClean(gateway, client);
});

test("an idle connection that the backend closed, or spoke on, is not used", () => {
  for (const act of [
    (peer: MemoryPeer): void => peer.end(),
    (peer: MemoryPeer): void => peer.fail("ECONNRESET"),
    (peer: MemoryPeer): void => peer.send("HTTP/1.1 408 Request Timeout\r\n\r\n"),
  ]) {
    for (const told of [true, false]) {
      const gateway = new MemoryGateway();
      const client = gateway.client();
      client.send(get("/"));
      gateway.backend(0).send(ok("x"));
      gateway.advance(1000);
      if (!told) gateway.backend(0).hold();
      act(gateway.backend(0));
      client.send(get("/"));
      gateway.backend(0).release();
      gateway.backend(1).send(ok("y"));
      assert.equal(answersTo(client)[1]?.body, "y");
      assert.equal(gateway.global("pool_probe_failures_total"), told ? 0 : 1);
      assertClean(gateway, client);
    }
  }
});

test("a reload keeps the connections of a backend that stays, and lets go of the others", () => {
  const gateway = new MemoryGateway({ services: { app: ["10.0.0.1:80", "10.0.0.2:80"] } });
  const clients = requesting(gateway, 4);
  const to = (host: string): MemoryPeer[] =>
    gateway.transport.dials.filter(({ target }) => target.host === host).map(({ peer }) => peer);
  const [stays, leaves] = [to("10.0.0.1"), to("10.0.0.2")];
  stays[0]?.send(ok("x"));
  leaves[0]?.send(ok("x"));
  gateway.reload({ services: { app: ["10.0.0.1:80"] } });
  gateway.transport.pump();
  assert.deepEqual([stays[0]?.ending, leaves[0]?.ending], ["open", "closed"]);
  leaves[1]?.send(ok("finished all the same"));
  assert.equal(clients.filter((client) => client.text.endsWith("finished all the same")).length, 1);
  assert.equal(leaves[1]?.ending, "closed");
  stays[0]?.take();
  const next = gateway.client();
  next.send(get("/after"));
  assert.match(stays[0]?.text ?? "", /^GET \/after /);
  stays[0]?.send(ok("kept"));
  stays[1]?.send(ok("x"));
  assert.deepEqual(told(next), ["200 kept"]);
  assertClean(gateway, next, ...clients);
});

test("a Unix socket is dialled by its path", () => {
  const gateway = new MemoryGateway({ services: { app: ["/run/app.sock"] } });
  const client = gateway.client();
  client.send(get("/"));
  assert.deepEqual(gateway.dial(0).target, { host: "/run/app.sock", port: -1, tls: null });
  gateway.backend().send(ok("x"));
  assertClean(gateway, client);
});

test("the addresses of a name take their turn; a name without any fails over or is 502", () => {
  const gateway = new MemoryGateway({
    services: { app: ["app.internal:80"] },
    resolved: { "app.internal": ["10.1.0.1", "10.1.0.2"] },
  });
  const clients = requesting(gateway, 4);
  assert.deepEqual(
    gateway.transport.dials.map(({ target }) => target.host),
    ["10.1.0.1", "10.1.0.2", "10.1.0.1", "10.1.0.2"],
  );
  gateway.pools.addresses.set("app.internal", []);
  const failing = gateway.client();
  failing.send(get("/"));
  assert.deepEqual(told(failing), ["502 bad gateway"]);
  assert.deepEqual(gateway.allFaults, { name_unresolved: 1 });
  for (const { peer } of gateway.transport.dials) peer.send(ok("x"));
  assertClean(gateway, failing, ...clients);
});

test("whatever happens to connections, gauges return to zero and bounds hold", () => {
  const act = fc.record({
    kind: fc.constantFrom(
      "request",
      "accept",
      "fail",
      "answer",
      "answerAndClose",
      "end",
      "reset",
      "leave",
      "wait",
    ),
    which: fc.nat({ max: 30 }),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 120 }), (acts) => {
      const gateway = new MemoryGateway({
        services: { app: ["10.0.0.1:80", "10.0.0.2:80*3"] },
        pool: { maxPerBackend: 3, maxPendingPerBackend: 4, maxIdlePerBackend: 2, maxIdleTotal: 3 },
        runtime: { connectTimeoutMs: 2000 },
      });
      gateway.holdDials();
      const clients: MemoryPeer[] = [];
      const served: Record<string, (peer: MemoryPeer) => void> = {
        accept: (peer) => peer.accept(),
        fail: (peer) => peer.fail("ECONNREFUSED"),
        answer: (peer) => peer.send(ok("x")),
        answerAndClose: (peer) => peer.send(ok("x", "Connection: close")),
        end: (peer) => peer.end(),
        reset: (peer) => peer.fail("ECONNRESET"),
      };
      for (const { kind, which } of acts) {
        const dial = gateway.transport.dials[which % Math.max(1, gateway.transport.dials.length)];
        if (kind === "request") {
          const client = gateway.client();
          clients.push(client);
          client.send(get("/"));
        } else if (kind === "leave") clients[which % Math.max(1, clients.length)]?.fail("ECONNRESET");
        else if (kind === "wait") gateway.advance(which * 50);
        else if (dial !== undefined && (kind !== "accept" || !accepted.has(dial.peer))) {
          if (kind === "accept") accepted.add(dial.peer);
          if (kind === "accept" || kind === "fail" || accepted.has(dial.peer)) served[kind]?.(dial.peer);
        }
        const open = gateway.transport.dials.filter(({ peer }) => peer.ending === "open");
        assert.ok(open.length <= 6);
        assert.ok(gateway.global("pool_idle_gauge") <= 3);
      }
      assertClean(gateway, ...clients);
    }),
    { numRuns: 100 },
  );
});

const accepted = new WeakSet<MemoryPeer>();
