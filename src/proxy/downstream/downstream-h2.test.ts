import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, ok, requestsTo } from "../../../test/support/memory-http.ts";
import { data, headers, raw, rstStream } from "../../../test/support/memory-h2.ts";
import { MemoryH2Client } from "../../../test/support/memory-h2-client.ts";

const MAX_STREAM_ID = 0x7fff_ffff;
const NO_ERROR = 0x0;
const PROTOCOL_ERROR = 0x1;
const SETTINGS_TIMEOUT = 0x4;
const ENHANCE_YOUR_CALM = 0xb;

test("an idle connection says goodbye and closes after the keep-alive timeout", () => {
  const gateway = new MemoryGateway({ http: { keepaliveTimeoutMs: 4000 } });
  const client = new MemoryH2Client(gateway);
  client.request(1, "/");
  gateway.backend().send(ok("fine"));
  gateway.advance(3900);
  assert.deepEqual(client.goAways, []);
  gateway.advance(200);
  assert.deepEqual(client.goAways, [[1, NO_ERROR]]);
  assert.equal(client.peer.ending, "fin");
  assertClean(gateway, client.peer);
});

test("a connection without any request closes after the header timeout", () => {
  const gateway = new MemoryGateway({ http: { headerTimeoutMs: 3000, keepaliveTimeoutMs: 60_000 } });
  const client = new MemoryH2Client(gateway);
  gateway.advance(3100);
  assert.deepEqual(client.goAways, [[0, NO_ERROR]]);
  assert.equal(client.peer.ending, "fin");
  assertClean(gateway, client.peer);
});

test("enough requests end a connection without failing any", () => {
  const gateway = new MemoryGateway({ listener: { maxKeepaliveRequests: 2 } });
  const client = new MemoryH2Client(gateway);
  client.answersPings = false;
  client.request(1, "/");
  assert.deepEqual(client.goAways, []);
  client.request(3, "/");
  assert.deepEqual(client.goAways, [[MAX_STREAM_ID, NO_ERROR]]);
  client.request(5, "/on-its-way");
  const [ping] = client.ofType("PING");
  assert.ok(ping !== undefined);
  client.send(raw("PING", 1, 0, ping.payload));
  assert.deepEqual(client.goAways.at(-1), [5, NO_ERROR]);
  client.request(7, "/too-late");
  assert.equal(gateway.transport.dials.length, 3);
  for (const backend of [0, 1, 2]) {
    assert.equal(client.peer.ending, "open");
    gateway.backend(backend).send(ok("fine"));
  }
  assert.deepEqual([client.told(1), client.told(3), client.told(5)], ["200 fine", "200 fine", "200 fine"]);
  assert.equal(client.peer.ending, "fin");
  assert.equal(gateway.global("h2_goaway_sent_total"), 2);
  assertClean(gateway, client.peer);
});

test("a drain announces itself, then leaves when the client does not answer", async () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.answersPings = false;
  client.request(1, "/");
  await gateway.socket.drain();
  gateway.advance(100);
  assert.deepEqual(client.read().goAways, [[MAX_STREAM_ID, NO_ERROR]]);
  client.request(3, "/");
  gateway.advance(1000);
  assert.deepEqual(client.read().goAways.at(-1), [3, NO_ERROR]);
  gateway.backend(0).send(ok("one"));
  gateway.backend(1).send(ok("two"));
  assert.deepEqual([client.told(1), client.told(3)], ["200 one", "200 two"]);
  assert.equal(client.peer.ending, "fin");
  assertClean(gateway, client.peer);
});

test("a drain spreads its announcements", async () => {
  const gateway = new MemoryGateway({ listener: { drainJitterMs: 4000 } });
  const client = new MemoryH2Client(gateway);
  await gateway.socket.drain();
  gateway.advance(1900);
  assert.deepEqual(client.read().goAways, []);
  gateway.advance(200);
  assert.deepEqual(client.read().goAways, [
    [MAX_STREAM_ID, NO_ERROR],
    [0, NO_ERROR],
  ]);
  assert.equal(client.peer.ending, "fin");
  assertClean(gateway, client.peer);
});

test("a stop answers what has got nothing yet, and cuts the rest", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway, { window: 5 });
  client.request(1, "/waiting");
  client.request(3, "/half");
  client.request(5, "/unread");
  gateway.backend(1).send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha");
  gateway.backend(2).send(ok("too long to be read"));
  assert.equal(gateway.socket.abort(), 1);
  client.read();
  assert.equal(client.response(1).status, 503);
  assert.equal(client.told(3), "reset 8");
  assert.equal(client.told(5), "reset 8");
  assert.deepEqual(client.goAways, [[5, NO_ERROR]]);
  assert.equal(client.peer.ending, "closed");
  assert.deepEqual(gateway.allFaults, { drained: 3 });
  assert.equal(gateway.global("h2_downstream_streams"), 0);
  assertClean(gateway);
});

test("a client that says nothing while it waits is asked, and given up when it does not answer", () => {
  const h2 = { keepAliveIntervalMs: 3000, keepAliveTimeoutMs: 2000 };
  for (const answers of [true, false]) {
    const gateway = new MemoryGateway({ h2 });
    const client = new MemoryH2Client(gateway);
    client.answersPings = answers;
    client.request(1, "/");
    for (let i = 0; i < 20; i++) {
      gateway.advance(500);
      client.read();
    }
    const pings = client.ofType("PING").length;
    if (answers) {
      assert.ok(pings >= 2 && pings <= 3, `${pings}`);
      gateway.backend().send(ok("fine"));
      assert.equal(client.told(), "200 fine");
    } else {
      assert.equal(pings, 1);
      assert.equal(gateway.backend().ending, "closed");
      assert.deepEqual(gateway.allFaults, { client_closed: 1 });
      assert.notEqual(client.peer.ending, "open");
    }
    assertClean(gateway, client.peer);
  }
});

test("a header block that does not end in time ends the connection", () => {
  const gateway = new MemoryGateway({ runtime: { headerDeadlineMs: 2000 } });
  const client = new MemoryH2Client(gateway);
  const block = headers(1, [[":method", "GET"]], false);
  block[4] = 0;
  client.send(block);
  for (let i = 0; i < 3; i++) {
    gateway.advance(600);
    client.send(raw("CONTINUATION", 0, 1, Buffer.from("\0\x01a\x01b", "latin1")));
  }
  gateway.advance(400);
  assert.deepEqual(client.read().goAways, [[0, ENHANCE_YOUR_CALM]]);
  assert.equal(gateway.global("security_slowloris_reaped_total"), 1);
  assertClean(gateway, client.peer);
});

test("a body that comes in slow frames is no slow header block", () => {
  const gateway = new MemoryGateway({ runtime: { headerDeadlineMs: 2000, bodyProgressMinBps: 0 } });
  const client = new MemoryH2Client(gateway);
  client.request(1, "/", { method: "POST", end: false });
  const frame = data(1, "x".repeat(40), true);
  for (let at = 0; at < frame.length; at += 7) {
    client.send(frame.subarray(at, at + 7));
    gateway.advance(600);
  }
  assert.equal(requestsTo(gateway.backend())[0]?.body.length, 40);
  gateway.backend().send(ok("fine"));
  assert.equal(client.told(), "200 fine");
  assertClean(gateway, client.peer);
});

test("settings that are not acknowledged end the connection", () => {
  const gateway = new MemoryGateway({ h2: { keepAliveTimeoutMs: 2000 } });
  const peer = gateway.client();
  peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
  gateway.advance(2100);
  // GOAWAY: length 8 and a text, type 7, stream 0, last stream 0, the code.
  const goAway = peer.bytes.indexOf(Buffer.from([7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, SETTINGS_TIMEOUT]));
  assert.ok(goAway > 0, peer.bytes.toString("hex"));
  assert.equal(peer.ending, "fin");
  assertClean(gateway, peer);
});

test("a mistake of the client's ends its connection, and every request on it", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/");
  client.send(raw("DATA", 0, 0, Buffer.from("nowhere")));
  assert.deepEqual(client.goAways, [[1, PROTOCOL_ERROR]]);
  assert.equal(client.peer.ending, "fin");
  assert.equal(gateway.backend().ending, "closed");
  assert.equal(gateway.global("h2_goaway_sent_total"), 1);
  client.send(Buffer.alloc(1000));
  assertClean(gateway, client.peer);
});

test("a client that opens and resets is told to calm down", () => {
  const gateway = new MemoryGateway({ h2: { maxPendingAcceptResetStreams: 20 } });
  const client = new MemoryH2Client(gateway);
  let stream = 1;
  for (; client.goAways.length === 0 && stream < 201; stream += 2) {
    client.request(stream, "/");
    client.send(rstStream(stream, 8));
  }
  assert.equal(client.goAways[0]?.[1], ENHANCE_YOUR_CALM);
  assert.ok(stream < 60, `${stream}`);
  assert.equal(gateway.global("security_rapid_reset_tripped_total"), 1);
  for (const { peer } of gateway.transport.dials) assert.equal(peer.ending, "closed");
  assertClean(gateway, client.peer);
});

test("no more streams are open at once than the listener allows", () => {
  const gateway = new MemoryGateway({ h2: { maxConcurrentStreams: 3 } });
  const client = new MemoryH2Client(gateway);
  for (const stream of [1, 3, 5, 7]) client.request(stream, "/");
  assert.equal(client.told(7), "reset 7");
  assert.equal(gateway.transport.dials.length, 3);
  for (const backend of [0, 1, 2]) gateway.backend(backend).send(ok("fine"));
  client.request(9, "/");
  gateway.backend(0).send(ok("fine"));
  assertClean(gateway, client.peer);
});

test("a client that asks and does not read is not asked what else it wants", () => {
  const gateway = new MemoryGateway({ routes: [{ rule: "Host(`nobody.example`)" }] });
  const client = new MemoryH2Client(gateway);
  client.peer.stopReading();
  let sent = 0;
  for (let stream = 1; stream < 40_001 && !client.peer.paused; stream += 2) {
    client.request(stream, "/", { method: "HEAD" });
    sent += 1;
  }
  assert.ok(client.peer.paused, `${sent} requests`);
  assert.ok(client.peer.queuedBytes < 320 * 1024, `${client.peer.queuedBytes}`);
  client.peer.startReading();
  assert.equal(client.peer.paused, false);
  for (let stream = 1; stream < 2 * sent; stream += 2) assert.equal(client.told(stream), "404 ");
  assertClean(gateway, client.peer);
});

test("a client that closes takes its requests with it, and gets what it has been sent", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/answered");
  client.request(3, "/waiting");
  client.request(5, "/half", { method: "POST", body: "ha", end: false });
  client.peer.stopReading();
  gateway.backend(0).send(ok("fine"));
  client.peer.end();
  assert.equal(gateway.backend(1).ending, "closed");
  assert.equal(gateway.backend(2).ending, "closed");
  assert.equal(client.peer.ending, "open");
  client.peer.startReading();
  assert.equal(client.told(1), "200 fine");
  assert.equal(client.peer.ending, "closed");
  assert.deepEqual(gateway.allFaults, { client_closed: 2 });
  assertClean(gateway);
});

test("a client that is gone takes its requests with it", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/");
  client.request(3, "/", { method: "POST", body: "ha", end: false });
  client.peer.fail("ECONNRESET");
  assert.equal(gateway.backend(0).ending, "closed");
  assert.equal(gateway.backend(1).ending, "closed");
  assert.deepEqual(gateway.allFaults, { client_closed: 2 });
  assert.equal(gateway.global("h2_downstream_streams"), 0);
  assert.equal(gateway.global("h2_downstream_connections"), 0);
  assertClean(gateway);
});

test("a reload changes what the next request gets, and not the ones under way", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/before");
  gateway.reload({ services: { other: ["10.0.0.9:80"] } });
  client.request(3, "/after");
  assert.equal(gateway.dial(1).target.host, "10.0.0.9");
  gateway.backend(1).send(ok("new"));
  gateway.backend(0).send(ok("old"));
  assert.deepEqual([client.told(1), client.told(3)], ["200 old", "200 new"]);
  client.peer.end();
  gateway.stop();
});

/**
 * What a client with 1,000 streams can make us hold by not reading: per stream, what the codec takes of its
 * response (`maxSendBufferBytes`, 64 KiB by default, and no part that would not fit), and one read of its
 * backend's (16 KiB here) that was under way when that was paused.
 */
test("1,000 streams that are not read hold no more than their bounds", () => {
  const streams = 1000;
  const maxSendBufferBytes = 16 * 1024;
  const readBytes = 4 * 1024;
  const gateway = new MemoryGateway({
    h2: { maxConcurrentStreams: streams, maxSendBufferBytes },
    pool: { maxPerBackend: streams, maxPendingPerBackend: streams },
  });
  const client = new MemoryH2Client(gateway, { window: 0 });
  for (let i = 0; i < streams; i++) client.request(2 * i + 1, "/");
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
  const part = Buffer.alloc(readBytes, "b");
  let taken = 0;
  for (let i = 0; i < streams; i++) {
    const backend = gateway.backend(i);
    backend.send(head);
    for (let sent = 0; sent < 40 && !backend.paused; sent++) {
      backend.send(part);
      taken += part.length;
    }
    assert.ok(backend.paused, `backend ${i}`);
  }
  assert.ok(taken <= streams * (maxSendBufferBytes + readBytes), `${taken} bytes`);
  client.request(2 * streams + 1, "/");
  assert.equal(client.told(2 * streams + 1), "reset 7");
  client.peer.fail("ECONNRESET");
  assert.equal(gateway.global("h2_downstream_streams"), 0);
  assertClean(gateway);
});

test("a tunnel is answered with 200 and passes bytes in both directions, each with its own end", () => {
  const gateway = new MemoryGateway({ routes: [{ rule: "", upgrades: ["talk"] }] });
  const client = new MemoryH2Client(gateway);
  const connect: [string, string][] = [
    [":method", "CONNECT"],
    [":protocol", "talk"],
    [":scheme", "http"],
    [":authority", "app.example"],
    [":path", "/talk"],
  ];
  client.send(headers(1, connect, false), data(1, "early "));
  const backend = gateway.backend();
  assert.match(backend.text, /^GET \/talk HTTP\/1\.1\r\n/);
  assert.match(backend.text, /\r\nupgrade: talk\r\n/i);
  backend.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\nhello");
  assert.equal(client.told(), "200 hello ...");
  assert.match(backend.text, /early $/);
  client.send(data(1, "late"));
  assert.match(backend.text, /early late$/);
  client.send(data(1, "", true));
  assert.equal(backend.ending, "fin");
  backend.send(" and goodbye");
  backend.end();
  assert.equal(client.told(), "200 hello and goodbye");
  assert.equal(gateway.global("h2_downstream_streams"), 0);
  assertClean(gateway, client.peer);
});

test("a tunnel that one side resets is reset on the other", () => {
  for (const side of ["client", "backend"] as const) {
    const gateway = new MemoryGateway({ routes: [{ rule: "", upgrades: ["talk"] }] });
    const client = new MemoryH2Client(gateway);
    client.send(
      headers(
        1,
        [
          [":method", "CONNECT"],
          [":protocol", "talk"],
          [":scheme", "http"],
          [":authority", "app.example"],
          [":path", "/talk"],
        ],
        false,
      ),
    );
    const backend = gateway.backend();
    backend.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\n");
    if (side === "client") {
      client.send(rstStream(1, 8));
      assert.notEqual(backend.ending, "open");
    } else {
      backend.fail("ECONNRESET");
      assert.notEqual(client.response().reset, -1);
      assert.equal(client.response().ended, false);
    }
    assertClean(gateway, client.peer);
  }
});
