import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { h2Backends, MemoryH2Backend } from "../../../test/support/memory-h2.ts";
import { assertClean, get, ok, told } from "../../../test/support/memory-http.ts";
import type { MemoryClientContext } from "../../../test/support/memory-transport.ts";

/** A gateway with one backend of this kind, whose TLS handshakes agree on `alpn`. */
function gatewayTo(scheme: string, alpn: string): MemoryGateway {
  const gateway = new MemoryGateway({ services: { app: [`${scheme}://10.0.0.1:443`] } });
  gateway.transport.onDial = ({ peer }) => peer.handshake({ alpn });
  return gateway;
}

test("a backend has one TLS context, which outlives a reload that leaves its settings alone", () => {
  const gateway = gatewayTo("h1s", "");
  const client = gateway.client();
  for (const round of [0, 1]) {
    client.send(get("/"));
    assert.equal((gateway.dial(round).target.tls as MemoryClientContext).settings.serverName, "app.internal");
    gateway.backend(round).send(ok("x", "Connection: close"));
    gateway.reload({ services: { app: ["h1s://10.0.0.1:443"] } });
  }
  assert.equal(gateway.dial(0).target.tls, gateway.dial(1).target.tls);
  assertClean(gateway, client);
});

test("what is spoken follows from the configuration, and from ALPN where that leaves it open", () => {
  const cases = [
    ["h1s", "", "h1"],
    ["h1s", "http/1.1", "h1"],
    ["h2s", "h2", "h2"],
    ["autos", "h2", "h2"],
    ["autos", "http/1.1", "h1"],
    ["autos", "", "h1"],
  ] as const;
  for (const [scheme, alpn, spoken] of cases) {
    const gateway = gatewayTo(scheme, alpn);
    const client = gateway.client();
    client.send(get("/"));
    if (spoken === "h1") {
      assert.match(gateway.backend().text, /^GET \/ HTTP\/1\.1\r\n/);
      gateway.backend().send(ok("over h1"));
    } else {
      const backend = new MemoryH2Backend(gateway.backend());
      backend.settings();
      assert.ok(backend.request().fields.some(([name, value]) => name === ":scheme" && value === "https"));
      backend.answer(1, "over h2");
    }
    assert.deepEqual(told(client), [`200 over ${spoken}`], `${scheme} ${alpn}`);
    assertClean(gateway, client);
  }
});

test("a server that does not agree to HTTP/2 where it has to is a failed dial", () => {
  for (const alpn of ["", "http/1.1"]) {
    const gateway = gatewayTo("h2s", alpn);
    const client = gateway.client();
    client.send(get("/"));
    assert.deepEqual(told(client), ["502 bad gateway"]);
    assert.deepEqual(gateway.allFaults, { upstream_tls_failed: 1 });
    assert.equal(gateway.backend().text, "", "nothing was sent");
    assert.equal(gateway.backend().ending, "closed");
    assertClean(gateway, client);
  }
});

test("a TLS handshake that fails goes to another backend, and is counted", () => {
  const gateway = new MemoryGateway({ services: { app: ["h1s://10.0.0.1:443", "10.0.0.2:80"] } });
  gateway.transport.onDial = ({ target, peer }) => {
    if (target.tls === null) peer.accept();
    else peer.fail("tls: certificate has expired");
  };
  const client = gateway.client();
  let failed = 0;
  for (let i = 0; i < 2; i++) {
    client.send(get("/"));
    for (const { target, peer } of gateway.transport.dials)
      if (target.tls === null && peer.take() !== "") peer.send(ok("plain"));
    failed = gateway.transport.dials.filter(({ target }) => target.tls !== null).length;
  }
  assert.deepEqual(told(client), ["200 plain", "200 plain"]);
  assert.ok(failed > 0);
  assert.equal(gateway.global("upstream_tls_handshake_failures_total"), failed);
  assert.equal(gateway.global("upstream_tls_handshakes_total"), 0);
  assertClean(gateway, client);
});

test("a TLS handshake that fails with nobody else to go to is 502", () => {
  const gateway = new MemoryGateway({ services: { app: ["h1s://10.0.0.1:443"] } });
  gateway.transport.onDial = ({ peer }) => peer.fail("tls: no shared cipher");
  const client = gateway.client();
  client.send(get("/"));
  assert.deepEqual(told(client), ["502 bad gateway"]);
  assert.deepEqual(gateway.allFaults, { upstream_tls_failed: 1 });
  assertClean(gateway, client);
});

test("handshakes and resumptions are counted", () => {
  const gateway = new MemoryGateway({ services: { app: ["h1s://10.0.0.1:443"] } });
  gateway.transport.onDial = ({ peer }) => peer.handshake({ resumed: gateway.transport.dials.length > 1 });
  const client = gateway.client();
  for (let i = 0; i < 3; i++) {
    client.send(get("/"));
    gateway.backend(i).send(ok("x", "Connection: close"));
  }
  assert.equal(gateway.global("upstream_tls_handshakes_total"), 3);
  assert.equal(gateway.global("upstream_tls_resumptions_total"), 2);
  assertClean(gateway, client);
});

test("the connect timeout holds for the handshake as well", () => {
  const gateway = new MemoryGateway({
    services: { app: ["h1s://10.0.0.1:443"] },
    runtime: { connectTimeoutMs: 2000 },
  });
  gateway.holdDials();
  const client = gateway.client();
  client.send(get("/"));
  gateway.advance(2100);
  assert.deepEqual(told(client), ["504 gateway timeout"]);
  assert.equal(gateway.backend().ending, "closed");
  assertClean(gateway, client);
});

test("the first connection tells what an unknown server speaks: a burst does not dial for each request", () => {
  const gateway = new MemoryGateway({ services: { app: ["autos://10.0.0.1:443"] } });
  gateway.holdDials();
  const clients = Array.from({ length: 20 }, () => gateway.client());
  for (const client of clients) client.send(get("/"));
  assert.equal(gateway.transport.dials.length, 1);
  gateway.transport.onDial = ({ peer }) => peer.handshake();
  gateway.backend().handshake();
  assert.equal(gateway.transport.dials.length, 20, "it speaks HTTP/1.1: the others need connections, too");
  for (const { peer } of gateway.transport.dials) peer.send(ok("x"));
  assert.ok(clients.every((client) => told(client)[0] === "200 x"));
  assertClean(gateway, ...clients);
});

test("one dial that fails fails all whom it was for, but nobody twice", () => {
  const gateway = new MemoryGateway({ services: { app: ["h2://10.0.0.1:80", "h2://10.0.0.2:80"] } });
  gateway.holdDials();
  const clients = Array.from({ length: 40 }, () => gateway.client());
  for (const client of clients) client.send(get("/"));
  assert.equal(gateway.transport.dials.length, 2);
  const backends = h2Backends(gateway);
  gateway.backend(0).fail("ECONNREFUSED");
  gateway.backend(1).accept();
  const second = new MemoryH2Backend(gateway.backend(1));
  second.settings();
  for (const { stream } of second.read().requests) second.answer(stream, "x");
  assert.equal(backends.length, 0, "the one that was dialled serves all");
  assert.ok(clients.every((client) => told(client)[0] === "200 x"));
  assert.equal(gateway.global("upstream_retries_total"), 20);
  assertClean(gateway, ...clients);
});
