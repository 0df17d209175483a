import assert from "node:assert/strict";
import { test } from "node:test";
import type { Log } from "../../base/log.ts";
import { CertificateAuthority } from "../../../test/support/certificates.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, get, ok, requestsTo, told } from "../../../test/support/memory-http.ts";
import { secureListener } from "../../../test/support/memory-tls.ts";
import { fieldValue } from "../../../test/support/strict-http1.ts";

test("a connection is secured at once, and served after its handshake", () => {
  const gateway = new MemoryGateway({ listener: secureListener() });
  const client = gateway.client();
  assert.equal(client.secured, gateway.socket.current.runtime.tls);
  assert.equal(gateway.global("tls_handshakes_total"), 0);
  client.handshake({ alpn: "http/1.1" });
  client.send(get("/"));
  const [request] = requestsTo(gateway.backend());
  assert.equal(fieldValue(request?.fields ?? [], "x-forwarded-proto"), "https");
  gateway.backend().send(ok("fine"));
  assert.deepEqual(told(client), ["200 fine"]);
  assert.equal(gateway.global("tls_handshakes_total"), 1);
  assert.equal(gateway.global("tls_resumptions_total"), 0);
  assertClean(gateway, client);
});

test("a client that agreed to no protocol speaks HTTP/1.1", () => {
  const gateway = new MemoryGateway({ listener: secureListener() });
  const client = gateway.client();
  client.handshake({ alpn: "", resumed: true });
  client.send(get("/"));
  gateway.backend().send(ok("fine"));
  assert.deepEqual(told(client), ["200 fine"]);
  assert.equal(gateway.global("tls_resumptions_total"), 1);
  assertClean(gateway, client);
});

test("a client that agreed to h2 is spoken to in HTTP/2", () => {
  const gateway = new MemoryGateway({ listener: secureListener() });
  const client = gateway.client();
  client.handshake({ alpn: "h2" });
  // The frame header of SETTINGS on stream 0.
  assert.equal(client.bytes[3], 4);
  assert.equal(gateway.global("h2_downstream_connections"), 1);
  assertClean(gateway, client);
  assert.equal(gateway.global("h2_downstream_connections"), 0);
});

test("a handshake that takes too long is reset, and counted", () => {
  const gateway = new MemoryGateway({ listener: secureListener(), runtime: { handshakeTimeoutMs: 2000 } });
  const client = gateway.client();
  gateway.advance(1950);
  assert.equal(client.ending, "open");
  gateway.advance(100);
  assert.equal(client.ending, "reset");
  assert.equal(gateway.global("tls_handshake_timeouts_total"), 1);
  assert.equal(gateway.global("tls_handshake_failures_total"), 0);
  assertClean(gateway);
});

test("a handshake that fails is counted, and its reason is in the log", () => {
  const lines: [string, object][] = [];
  const note =
    (level: string) =>
    (fields: object): void =>
      void lines.push([level, fields]);
  const log: Log = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  const gateway = new MemoryGateway({ listener: secureListener() }, log);
  gateway.client().fail("tls: no shared cipher");
  gateway.client("192.0.2.2").fail("ECONNRESET");
  gateway.client().fail("");
  assert.deepEqual(lines, [
    ["info", { listener: "web", client_ip: "192.0.2.1", reason: "no shared cipher" }],
    ["debug", { listener: "web", client_ip: "192.0.2.2", reason: "ECONNRESET" }],
  ]);
  assert.equal(gateway.global("tls_handshake_failures_total"), 2);
  assertClean(gateway);
});

test("a drain lets a handshake end and one request be served", async () => {
  const gateway = new MemoryGateway({ listener: secureListener() });
  const client = gateway.client();
  await gateway.socket.drain();
  client.handshake();
  client.send(get("/"));
  gateway.backend().send(ok("fine"));
  assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n.*connection: close\r\n/is);
  client.end();
  assert.equal(gateway.socket.openConnections, 0);
  assertClean(gateway);
});

test("a stop cuts a handshake, which is no request that was cut", () => {
  const gateway = new MemoryGateway({ listener: secureListener() });
  const client = gateway.client();
  assert.equal(gateway.socket.abort(), 0);
  assert.equal(client.ending, "closed");
  assertClean(gateway);
});

test("over capacity, a client without a handshake cannot be told and is reset", () => {
  const gateway = new MemoryGateway({ listener: secureListener(), runtime: { maxInflightConnections: 1 } });
  const client = gateway.client();
  assert.equal(gateway.tryClient(), null);
  assertClean(gateway, client);
});

test("a reload gives new connections the new certificate, and leaves the others alone", () => {
  const gateway = new MemoryGateway({ listener: secureListener() });
  const before = gateway.client();
  before.handshake();
  gateway.reload({ listener: secureListener({ minVersion: "TLSv1.3" }) });
  const after = gateway.client();
  assert.notEqual(after.secured, before.secured);
  assert.equal(after.secured, gateway.socket.current.runtime.tls);
  before.send(get("/"));
  gateway.backend().send(ok("fine"));
  assert.deepEqual(told(before), ["200 fine"]);
  assertClean(gateway, before, after);
});

test("backends learn of the client's certificate, and only from us", () => {
  const { der } = new CertificateAuthority().issue({ commonName: "robot", purpose: "client" });
  const gateway = new MemoryGateway({
    listener: secureListener({}, "both"),
    security: { trustedProxies: ["192.0.2.9"] },
  });
  const claims = [
    "Client-Cert: :AAAA:",
    "CLIENT-CERT-CHAIN: :AAAA:",
    "X-Forwarded-Client-Cert: Hash=00",
    "Client-Certainty: 1",
  ];
  const seen = (address: string, certificate: Buffer | null, ...lines: string[]): [string, string][] => {
    const client = gateway.client(address);
    client.handshake({ peerCertificate: certificate });
    client.send(get("/", ...lines));
    const backend = gateway.backend(gateway.transport.dials.length - 1);
    const { fields } = requestsTo(backend).at(-1) ?? assert.fail("no request");
    backend.send(ok("fine"));
    backend.end();
    client.end();
    return fields
      .map(([name, value]): [string, string] => [name.toLowerCase(), value])
      .filter(([name]) => name.includes("client-cert"));
  };
  const own = ["client-cert", "x-forwarded-client-cert"];
  const names = (fields: [string, string][]): string[] => fields.map(([name]) => name);
  assert.deepEqual(names(seen("192.0.2.1", der)), own);
  for (const address of ["192.0.2.1", "192.0.2.9"]) {
    assert.deepEqual(names(seen(address, null, ...claims)), ["client-certainty"], address);
    const fields = seen(address, der, ...claims);
    assert.deepEqual(names(fields).toSorted(), [...own, "client-certainty"].toSorted(), address);
    assert.ok(fields.some(([name, value]) => name === "client-cert" && value.length > 100));
  }
  assertClean(gateway);
});
