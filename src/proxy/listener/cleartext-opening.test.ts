import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, get, ok, requestsTo, told } from "../../../test/support/memory-http.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** An empty SETTINGS frame, which follows the preface. */
const SETTINGS = "\0\0\0\x04\0\0\0\0\0";

function sendAt(client: MemoryPeer, text: string, ...splits: number[]): void {
  let start = 0;
  for (const end of [...splits, text.length]) {
    if (end > start) client.send(text.slice(start, end));
    start = end;
  }
}

function speaksH2(gateway: MemoryGateway): boolean {
  return gateway.global("h2_downstream_connections") === 1;
}

test("the preface of HTTP/2 is known however it is split", () => {
  for (let split = 0; split <= PREFACE.length; split++) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    sendAt(client, PREFACE + SETTINGS, split);
    assert.ok(speaksH2(gateway), `split at ${split}`);
    assert.equal(client.bytes[3], 4, "SETTINGS");
    assertClean(gateway, client);
  }
  const gateway = new MemoryGateway();
  const client = gateway.client();
  sendAt(client, PREFACE + SETTINGS, ...PREFACE.split("").keys());
  assert.ok(speaksH2(gateway));
  assertClean(gateway, client);
});

test("anything else is HTTP/1, and loses no byte", () => {
  for (const method of ["GET", "POST", "PUT", "PATCH", "PROPFIND", "PRINT"]) {
    const request = get("/x").replace("GET", method);
    for (let split = 0; split < 8; split++) {
      const gateway = new MemoryGateway();
      const client = gateway.client();
      sendAt(client, request, split, split + 1);
      assert.equal(speaksH2(gateway), false);
      assert.equal(requestsTo(gateway.backend())[0]?.startLine, `${method} /x HTTP/1.1`);
      gateway.backend().send(ok("fine"));
      assert.deepEqual(told(client, method), ["200 fine"]);
      assertClean(gateway, client);
    }
  }
});

test("a preface that goes wrong is a bad request of HTTP/1", () => {
  for (const text of [
    "PRI * HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    "PRI / HTTP/2.0\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r",
  ]) {
    for (const split of [0, 3, 12, 20]) {
      const gateway = new MemoryGateway();
      const client = gateway.client();
      sendAt(client, text, Math.min(split, text.length));
      assert.match(client.text, /^HTTP\/1\.1 [45]\d\d /, JSON.stringify(text));
      assert.equal(speaksH2(gateway), false);
      assertClean(gateway, client);
    }
  }
});

test("a connection that says nothing ends after the header timeout", () => {
  const gateway = new MemoryGateway({ http: { headerTimeoutMs: 3000 } });
  const client = gateway.client();
  gateway.advance(2900);
  assert.equal(client.ending, "open");
  gateway.advance(300);
  assert.equal(client.ending, "fin");
  assert.deepEqual(gateway.allFaults, {});
  assertClean(gateway, client);
});

test("a preface that does not go on is reset after the time for a head", () => {
  const gateway = new MemoryGateway({ runtime: { headerDeadlineMs: 2000 } });
  const client = gateway.client();
  gateway.advance(1000);
  client.send(PREFACE.slice(0, 10));
  gateway.advance(1900);
  client.send(PREFACE.slice(10, 20));
  gateway.advance(200);
  assert.equal(client.ending, "reset");
  assert.equal(gateway.global("security_slowloris_reaped_total"), 1);
  assertClean(gateway);
});

test("a client that leaves before it has said anything leaves nothing behind", () => {
  for (const said of ["", "P", PREFACE.slice(0, 20)]) {
    for (const leave of ["end", "fail"] as const) {
      const gateway = new MemoryGateway();
      const client = gateway.client();
      if (said !== "") client.send(said);
      if (leave === "end") client.end();
      else client.fail("ECONNRESET");
      gateway.advance(20_000);
      assert.equal(gateway.socket.openConnections, 0, `${leave} after ${JSON.stringify(said)}`);
      assertClean(gateway);
    }
  }
});

test("a drain ends silent connections, and serves one that speaks up in time", async () => {
  const gateway = new MemoryGateway();
  const silent = gateway.client();
  const late = gateway.client();
  await gateway.socket.drain();
  gateway.advance(500);
  late.send(get("/"));
  gateway.backend().send(ok("fine"));
  assert.deepEqual(told(late), ["200 fine"]);
  assert.match(late.text, /connection: close/i);
  assert.equal(silent.ending, "open");
  gateway.advance(700);
  assert.equal(silent.ending, "fin");
  assertClean(gateway, silent, late);
});

test("a stop cuts what has said nothing", () => {
  const gateway = new MemoryGateway();
  const clients = [gateway.client(), gateway.client()];
  clients[1]?.send("PRI ");
  assert.equal(gateway.socket.abort(), 0);
  for (const client of clients) assert.equal(client.ending, "closed");
  assertClean(gateway);
});

test("a client that speaks neither is not answered, in either", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send("INVALID CONNECTION PREFACE\r\n\r\n");
  assert.equal(client.text, "");
  assert.equal(client.ending, "fin");
  assert.deepEqual(gateway.allFaults, { not_http: 1 });
  assertClean(gateway, client);
});
