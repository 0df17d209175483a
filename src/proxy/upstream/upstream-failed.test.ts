import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import {
  answersTo,
  assertClean,
  chunk,
  chunkedHead,
  get,
  ok,
  post,
  requestsTo,
  told,
} from "../../../test/support/memory-http.ts";

/** Hosts in the order in which they were dialled. */
function dialled(gateway: MemoryGateway): string[] {
  return gateway.transport.dials.map(({ target }) => target.host);
}

test("a dial that fails goes to another backend, with the body that was held back", () => {
  for (const code of ["ECONNREFUSED", "EHOSTUNREACH", "ETIMEDOUT", "ENOENT"]) {
    const gateway = new MemoryGateway({ services: { app: ["10.0.0.1:80", "10.0.0.2:80"] } });
    gateway.transport.onDial = ({ peer }) => {
      if (gateway.transport.dials.length === 1) peer.fail(code);
      else peer.accept();
    };
    const client = gateway.client();
    client.send(post("/", "body"));
    assert.equal(new Set(dialled(gateway)).size, 2);
    assert.equal(requestsTo(gateway.backend(1))[0]?.body.toString(), "body");
    gateway.backend(1).send(ok("saved"));
    assert.deepEqual(told(client), ["200 saved"]);
    assert.equal(gateway.global("upstream_retries_total"), 1);
    assert.deepEqual(gateway.allFaults, {}, "the client saw no fault");
    assertClean(gateway, client);
  }
});

test("attempts are bounded, and the last fault is the client's", () => {
  const gateway = new MemoryGateway({
    services: { app: Array.from({ length: 10 }, (_, i) => `10.0.0.${i + 1}:80`) },
  });
  gateway.transport.onDial = ({ peer }) => peer.fail("ECONNREFUSED");
  const client = gateway.client();
  client.send(get("/"));
  assert.equal(new Set(dialled(gateway)).size, 3);
  assert.deepEqual(told(client), ["502 bad gateway"]);
  assert.equal(client.ending, "open");
  assert.deepEqual(gateway.allFaults, { connect_refused: 1 });
  assertClean(gateway, client);
});

test("with one backend there is nobody to go to", () => {
  const gateway = new MemoryGateway();
  gateway.transport.onDial = ({ peer }) => peer.fail("ECONNREFUSED");
  const client = gateway.client();
  client.send(get("/"));
  assert.equal(gateway.transport.dials.length, 1);
  assert.deepEqual(told(client), ["502 bad gateway"]);
  assertClean(gateway, client);
});

test("a light backend beside a heavy one that is down is found", () => {
  const gateway = new MemoryGateway({ services: { app: ["10.0.0.1:80*1000", "10.0.0.2:80"] } });
  gateway.transport.onDial = ({ target, peer }) => {
    if (target.host === "10.0.0.1") peer.fail("ECONNREFUSED");
    else peer.accept();
  };
  const client = gateway.client();
  for (let i = 0; i < 20; i++) {
    client.send(get("/"));
    for (const { target, peer } of gateway.transport.dials) {
      if (target.host === "10.0.0.2" && peer.take() !== "") peer.send(ok("x"));
    }
  }
  assert.ok(answersTo(client).every(({ status }) => status === 200));
  assert.equal(answersTo(client).length, 20);
  assertClean(gateway, client);
});

test("a dial that takes too long is given up for another backend", () => {
  const gateway = new MemoryGateway({
    services: { app: ["10.0.0.1:80", "10.0.0.2:80"] },
    runtime: { connectTimeoutMs: 2000 },
  });
  gateway.holdDials();
  const client = gateway.client();
  client.send(get("/"));
  gateway.advance(2100);
  assert.equal(gateway.transport.dials.length, 2);
  assert.equal(gateway.backend(0).ending, "closed");
  gateway.backend(1).accept();
  gateway.backend(1).send(ok("second"));
  assert.deepEqual(told(client), ["200 second"]);
  assert.equal(gateway.global("backend_connect_timeout_total"), 1);
  assertClean(gateway, client);
});

test("when every dial takes too long the client gets 504", () => {
  const gateway = new MemoryGateway({ runtime: { connectTimeoutMs: 2000 } });
  gateway.holdDials();
  const client = gateway.client();
  client.send(get("/"));
  gateway.advance(2100);
  assert.deepEqual(told(client), ["504 gateway timeout"]);
  assert.equal(client.ending, "open");
  assert.deepEqual(gateway.allFaults, { connect_timeout: 1 });
  assertClean(gateway, client);
});

/** A gateway whose first backend connection served a request and rests; the client that it served. */
function withIdleConnection(): { gateway: MemoryGateway; client: MemoryPeer } {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(get("/first"));
  gateway.backend(0).send(ok("first"));
  gateway.backend(0).take();
  return { gateway, client };
}

const ends: readonly (readonly [string, (peer: MemoryPeer) => void])[] = [
  ["FIN", (peer) => peer.end()],
  ["RST", (peer) => peer.fail("ECONNRESET")],
];

test("a request on a reused connection that ends without an answer is sent again, on a new one", () => {
  for (const [, end] of ends) {
    for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]) {
      const { gateway, client } = withIdleConnection();
      client.send(get("/second").replace("GET", method));
      assert.match(gateway.backend(0).text, new RegExp(`^${method} /second `));
      end(gateway.backend(0));
      assert.match(gateway.backend(1).text, new RegExp(`^${method} /second `));
      gateway.backend(1).send(method === "HEAD" ? "HTTP/1.1 200 OK\r\n\r\n" : ok("again"));
      assert.equal(answersTo(client, "GET", method)[1]?.status, 200);
      assert.equal(gateway.global("upstream_retries_total"), 1);
      assertClean(gateway, client);
    }
  }
});

test("it is not sent again when that could do something twice", () => {
  const requests = [
    get("/").replace("GET", "POST"),
    get("/").replace("GET", "PATCH"),
    get("/").replace("GET", "BREW"),
    post("/", "body"),
    post("/", "body").replace("POST", "PUT"),
    `${chunkedHead("/").replace("POST", "PUT")}${chunk("body")}0\r\n\r\n`,
  ];
  for (const [, end] of ends) {
    for (const bytes of requests) {
      const { gateway, client } = withIdleConnection();
      client.send(bytes);
      end(gateway.backend(0));
      assert.equal(gateway.transport.dials.length, 1, bytes);
      assert.equal(answersTo(client)[1]?.status, 502);
      assertClean(gateway, client);
    }
  }
});

test("it is not sent again when a part of an answer had come", () => {
  for (const part of ["H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"]) {
    const { gateway, client } = withIdleConnection();
    client.send(get("/second"));
    gateway.backend(0).send(part);
    gateway.backend(0).end();
    assert.equal(gateway.transport.dials.length, 1);
    assert.equal(answersTo(client).at(-1)?.status, 502);
    assertClean(gateway, client);
  }
});

test("a new connection that ends without an answer is the backend's failure", () => {
  for (const [, end] of ends) {
    const gateway = new MemoryGateway({ services: { app: ["10.0.0.1:80", "10.0.0.2:80"] } });
    const client = gateway.client();
    client.send(get("/"));
    end(gateway.backend(0));
    assert.equal(gateway.transport.dials.length, 1);
    assert.deepEqual(told(client), ["502 bad gateway"]);
    assertClean(gateway, client);
  }
});

test("when the backend of a dead connection refuses a new one, the request goes to another backend", () => {
  for (const count of [2, 3]) {
    const services = { app: ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"].slice(0, count) };
    const gateway = new MemoryGateway({ services });
    const client = gateway.client();
    for (let i = 0; i < count; i++) {
      client.send(get("/first"));
      gateway.backend(i).send(ok("first"));
    }
    for (const { peer } of gateway.transport.dials) peer.take();
    client.send(get("/second"));
    const stale = gateway.transport.dials.find(({ peer }) => peer.text !== "");
    assert.ok(stale !== undefined);
    gateway.transport.onDial = ({ target, peer }) => {
      if (target.host === stale.target.host) peer.fail("ECONNREFUSED");
      else peer.accept();
    };
    stale.peer.end();
    const saved = gateway.transport.dials.filter(({ peer }) => peer !== stale.peer && peer.take() !== "");
    assert.equal(saved.length, 1);
    saved[0]?.peer.send(ok("saved"));
    assert.equal(answersTo(client).at(-1)?.body, "saved");
    assertClean(gateway, client);
  }
});

test("sending again is bounded as well", () => {
  const { gateway, client } = withIdleConnection();
  client.send(get("/second"));
  gateway.transport.onDial = ({ peer }) => peer.fail("ECONNREFUSED");
  gateway.backend(0).end();
  assert.equal(answersTo(client)[1]?.status, 502);
  assert.ok(gateway.transport.dials.length <= 3);
  assertClean(gateway, client);
});

test("while a new connection is on its way, connections that come free and are dead too do not use the request up", () => {
  const gateway = new MemoryGateway();
  const clients = Array.from({ length: 5 }, () => gateway.client());
  const backends = (): MemoryPeer[] => gateway.transport.dials.map(({ peer }) => peer);
  for (const client of clients) client.send(get("/first"));
  for (const peer of backends()) {
    peer.take();
    peer.send(ok("first"));
  }
  for (const client of clients) client.take();
  gateway.holdDials();
  const holder = (): MemoryPeer => {
    const peer = backends().findLast(({ text, ending }) => ending === "open" && text.includes("/victim"));
    assert.ok(peer !== undefined);
    return peer;
  };
  const [victim] = clients as [MemoryPeer];
  for (const client of clients.slice(1)) client.send(get("/busy"));
  victim.send(get("/victim"));
  holder().end();
  // Each of the others answers its own client, is given the request, and is gone.
  for (const peer of backends().filter((peer) => peer.take().includes("/busy"))) {
    peer.send(ok("busy"));
    assert.equal(holder(), peer);
    peer.end();
  }
  assert.equal(victim.text, "");
  gateway.backend(5).accept();
  holder().send(ok("saved"));
  assert.deepEqual(told(victim), ["200 saved"]);
  assertClean(gateway, ...clients);
});
