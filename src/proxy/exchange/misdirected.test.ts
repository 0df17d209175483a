import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, ok, requestsTo, told } from "../../../test/support/memory-http.ts";
import { secureListener } from "../../../test/support/memory-tls.ts";

interface Case {
  readonly serverName: string;
  readonly host: string;
  readonly address?: string;
}

/** What the client is told, with this SNI and this Host. */
function ask({ serverName, host, address = "192.0.2.1" }: Case): string {
  const gateway = new MemoryGateway({ listener: secureListener() });
  const client = gateway.client(address);
  client.handshake({ serverName, alpn: "http/1.1" });
  client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  if (gateway.transport.dials.length > 0) gateway.backend().send(ok("fine"));
  const [answer = ""] = told(client);
  assert.equal(gateway.global("tls_misdirected_requests_total"), answer.startsWith("421") ? 1 : 0);
  assertClean(gateway, client);
  return answer;
}

test("a request for the host of the handshake is served", () => {
  for (const host of ["a.example", "A.Example", "a.example:8443", "a.example.", "a.EXAMPLE.:443"])
    assert.equal(ask({ serverName: "a.example", host }), "200 fine", host);
});

test("a request for another host is misdirected", () => {
  for (const host of ["b.example", "www.a.example", "example", "a.example.b.example", "192.0.2.9"])
    assert.equal(ask({ serverName: "a.example", host }), "421 misdirected request", host);
});

test("who named no host, or is on this machine, is not asked", () => {
  assert.equal(ask({ serverName: "", host: "b.example" }), "200 fine");
  for (const address of ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
    assert.equal(ask({ serverName: "a.example", host: "b.example", address }), "200 fine", address);
});

test("a request without a host names no other one", () => {
  const gateway = new MemoryGateway({ listener: secureListener() });
  const client = gateway.client();
  client.handshake({ serverName: "a.example" });
  client.send("GET / HTTP/1.0\r\n\r\n");
  assert.equal(requestsTo(gateway.backend()).length, 1);
  assertClean(gateway, client);
});

test("each request on a connection is asked", () => {
  const gateway = new MemoryGateway({ listener: secureListener() });
  const client = gateway.client();
  client.handshake({ serverName: "a.example" });
  client.send("GET / HTTP/1.1\r\nHost: b.example\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
  gateway.backend().send(ok("fine"));
  assert.deepEqual(told(client), ["421 misdirected request", "200 fine"]);
  assertClean(gateway, client);
});
