import assert from "node:assert/strict";
import { test } from "node:test";
import type { H3Answer } from "../../../test/support/codec-h3-client.ts";
import { data, headers } from "../../../test/support/h3-dsl.ts";
import { assertCleanH3, MemoryH3Client, MemoryH3Listener } from "../../../test/support/memory-h3-client.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { ok } from "../../../test/support/memory-http.ts";
import { QUIC_TRANSPORT } from "../../../test/support/memory-plan.ts";
import { MAX_STREAM_ID } from "../../wire/h3/h3-limits.ts";

const NO_ERROR = "peer 0x100";
const EXCESSIVE_LOAD = "peer 0x107";
const FRAME_UNEXPECTED = "peer 0x105";
const REQUEST_INCOMPLETE = 0x10d;

/** HEADERS of a request that has not come whole. */
const HALF_HEAD = headers([
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "app.example"],
  [":path", "/"],
]).subarray(0, 20);

function answered(gateway: MemoryGateway, client: MemoryH3Client, path = "/"): H3Answer {
  const dials = gateway.transport.dials.length;
  const answer = client.request(path);
  gateway.backend(Math.max(0, dials - 1)).send(ok("fine"));
  client.turn();
  assert.equal(answer.told, "200 fine");
  return answer;
}

test("an idle connection says goodbye and closes after the keep-alive timeout", () => {
  const gateway = new MemoryGateway({ http: { keepaliveTimeoutMs: 4000 } });
  const client = new MemoryH3Client(gateway);
  answered(gateway, client);
  client.advance(3900);
  assert.deepEqual(client.goAways, []);
  client.advance(200);
  assert.deepEqual(client.goAways, [4]);
  assert.equal(client.ending, "open");
  client.advance(600);
  assert.equal(client.ending, NO_ERROR);
  assert.equal(gateway.global("h3_downstream_connections"), 0);
  assert.equal(gateway.global("h3_downstream_connections_total"), 1);
  assert.equal(gateway.global("h3_goaway_sent_total"), 1);
  assertCleanH3(gateway, client);
});

test("a connection without any request closes after the header timeout", () => {
  const gateway = new MemoryGateway({ http: { headerTimeoutMs: 3000, keepaliveTimeoutMs: 60_000 } });
  const client = new MemoryH3Client(gateway);
  client.advance(3100);
  assert.deepEqual(client.goAways, [0]);
  client.advance(600);
  assert.equal(client.ending, NO_ERROR);
  assertCleanH3(gateway, client);
});

test("enough requests end a connection without failing any", () => {
  const gateway = new MemoryGateway();
  const listener = new MemoryH3Listener(gateway, { maxRequests: 2 });
  const client = new MemoryH3Client(gateway, { listener });
  const answers = [client.request("/a")];
  assert.deepEqual(client.goAways, []);
  answers.push(client.request("/b"));
  assert.deepEqual(client.goAways, [MAX_STREAM_ID]);
  assert.equal(gateway.global("h3_connections_recycled_total"), 1);
  const late = client.raw(request("/on-its-way"), true);
  assert.equal(gateway.transport.dials.length, 3);
  client.advance(600);
  assert.deepEqual(client.goAways, [MAX_STREAM_ID, late + 4]);
  const rejected = client.raw(request("/too-late"), true);
  assert.equal(client.resets.get(rejected), 0x10b);
  assert.equal(gateway.transport.dials.length, 3);
  for (const backend of [0, 1, 2]) gateway.backend(backend).send(ok("fine"));
  client.turn();
  assert.deepEqual(
    answers.map(({ told }) => told),
    ["200 fine", "200 fine"],
  );
  assert.equal(client.ending, "open");
  client.advance(600);
  assert.equal(client.ending, NO_ERROR);
  assert.equal(gateway.global("h3_goaway_sent_total"), 2);
  assertCleanH3(gateway, client);
});

test("a client that has not taken its answer yet is waited for, but not for ever", () => {
  for (const reads of [true, false]) {
    const gateway = new MemoryGateway({ http: { keepaliveTimeoutMs: 100 } });
    const client = new MemoryH3Client(gateway);
    const { stream } = client.request("/");
    client.link.pause(stream.id);
    gateway.backend().send(ok("fine"));
    client.advance(1000);
    assert.deepEqual(client.goAways, [4]);
    client.advance(1000);
    assert.equal(client.ending, "open", "what it was sent is still on its way");
    if (reads) client.link.resume(stream.id);
    client.advance(reads ? 600 : 3000);
    assert.equal(client.ending, NO_ERROR);
    client.net.streams.clear();
    assertCleanH3(gateway, client);
  }
});

test("a drain announces itself, then leaves, then closes when the last answer is out", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  const answer = client.request("/");
  client.server.announceClose(1000);
  client.advance(400);
  assert.deepEqual(client.goAways, []);
  client.advance(200);
  assert.deepEqual(client.goAways, [MAX_STREAM_ID]);
  client.advance(600);
  assert.deepEqual(client.goAways, [MAX_STREAM_ID, 4]);
  client.advance(5000);
  assert.equal(client.ending, "open");
  gateway.backend().send(ok("fine"));
  client.turn();
  assert.equal(answer.told, "200 fine");
  client.advance(600);
  assert.equal(client.ending, NO_ERROR);
  assertCleanH3(gateway, client);
});

test("a connection that is worn sends its client to another one", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  client.server.onWorn();
  client.turn();
  assert.deepEqual(client.goAways, [MAX_STREAM_ID]);
  client.advance(600).advance(600);
  assert.equal(client.ending, NO_ERROR);
  assertCleanH3(gateway, client);
});

test("a client that leaves when it hears of the end is done at once", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  client.server.announceClose(0);
  client.advance(100);
  assert.deepEqual(client.goAways, [MAX_STREAM_ID]);
  client.close();
  assert.equal(gateway.global("h3_downstream_connections"), 0);
  assertCleanH3(gateway, client);
});

test("a stop answers what has got nothing yet, and cuts the rest", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  const begun = client.request("/begun");
  gateway.backend().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  client.turn();
  const waiting = client.request("/waiting");
  assert.equal(client.server.abort(), true);
  client.turn();
  assert.equal(waiting.told, "503 shutting down");
  assert.notEqual(begun.error, null);
  assert.equal(client.ending, NO_ERROR);
  assert.deepEqual([gateway.backend(0).ending, gateway.backend(1).ending], ["closed", "closed"]);
  assert.equal(gateway.faults("drained"), 2);
  assertCleanH3(gateway, client);
});

test("a stop of a connection at rest finds nothing under way", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  answered(gateway, client);
  assert.equal(client.server.abort(), false);
  client.turn();
  assert.equal(client.ending, NO_ERROR);
  assertCleanH3(gateway, client);
});

test("a head that does not come in time ends its stream, and not its connection", () => {
  const gateway = new MemoryGateway({ runtime: { headerDeadlineMs: 2000 } });
  const client = new MemoryH3Client(gateway);
  answered(gateway, client);
  const slow = client.raw(HALF_HEAD);
  client.advance(1900);
  assert.equal(client.resets.has(slow), false);
  const next = client.request("/");
  client.advance(200);
  assert.equal(client.resets.get(slow), REQUEST_INCOMPLETE);
  assert.equal(client.stops.get(slow), REQUEST_INCOMPLETE);
  assert.equal(gateway.global("security_slowloris_reaped_total"), 1);
  gateway.backend().send(ok("fine"));
  client.turn();
  assert.equal(next.told, "200 fine");
  assert.equal(client.ending, "open");
  assertCleanH3(gateway, client);
});

test("a first request that does not come whole is late, and not idle", () => {
  const gateway = new MemoryGateway({ http: { headerTimeoutMs: 3000 }, runtime: { headerDeadlineMs: 2500 } });
  const client = new MemoryH3Client(gateway);
  client.advance(2000);
  const slow = client.raw(HALF_HEAD);
  client.advance(1100);
  assert.equal(client.resets.get(slow), REQUEST_INCOMPLETE);
  assert.equal(gateway.global("security_slowloris_reaped_total"), 1);
  client.advance(600);
  assert.equal(client.ending, NO_ERROR);
  assertCleanH3(gateway, client);
});

test("a body that comes in slow pieces is no slow head", () => {
  const gateway = new MemoryGateway({ runtime: { headerDeadlineMs: 1000, bodyProgressMinBps: 1 } });
  const client = new MemoryH3Client(gateway);
  const answer = client.request("/", { method: "POST", end: false });
  for (let i = 0; i < 10; i++) {
    client.advance(500);
    client.send(answer, "piece");
  }
  client.end(answer);
  gateway.backend().send(ok("fine"));
  client.turn();
  assert.equal(answer.told, "200 fine");
  assert.equal(gateway.global("security_slowloris_reaped_total"), 0);
  assertCleanH3(gateway, client);
});

test("a mistake of the client's ends its connection, and every request on it", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  const waiting = client.request("/");
  client.raw(data("no head"));
  assert.equal(client.ending, FRAME_UNEXPECTED);
  assert.notEqual(waiting.error, null);
  assert.equal(gateway.backend().ending, "closed");
  assert.deepEqual(gateway.allFaults, { bad_request: 1 });
  assertCleanH3(gateway, client);
});

test("a client that opens and resets is told that it is too much", () => {
  const gateway = new MemoryGateway({ h2: { maxPendingAcceptResetStreams: 10 } });
  const client = new MemoryH3Client(gateway);
  for (let i = 0; i < 30 && client.ending === "open"; i++) {
    const { stream } = client.request("/");
    client.link.stop(stream.id, 0x10c);
    client.turn();
  }
  assert.equal(client.ending, EXCESSIVE_LOAD);
  assert.equal(gateway.global("security_rapid_reset_tripped_total"), 1);
  assert.ok(gateway.transport.dials.length <= 12);
  assertCleanH3(gateway, client);
});

test("a client that is gone takes its requests with it", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  client.request("/a");
  client.request("/b", { method: "POST", body: "half", end: false });
  client.net.server.end({ by: "timeout", application: false, code: 0, reason: "" });
  client.turn();
  assert.deepEqual([gateway.backend(0).ending, gateway.backend(1).ending], ["closed", "closed"]);
  assert.deepEqual(gateway.allFaults, { client_closed: 2 });
  assert.equal(gateway.global("h3_downstream_connections"), 0);
  assert.equal(gateway.global("h3_downstream_streams"), 0);
  client.net.streams.clear();
  assertCleanH3(gateway, client);
});

test("no more streams are open at once than the listener allows", () => {
  const gateway = new MemoryGateway();
  gateway.holdDials();
  const transport = { ...QUIC_TRANSPORT, maxBidirectionalStreams: 3 };
  const listener = new MemoryH3Listener(gateway, { transport });
  const client = new MemoryH3Client(gateway, { listener });
  const ids = Array.from({ length: 4 }, () => client.request("/").stream.id);
  assert.equal(gateway.global("h3_downstream_streams"), 3);
  assert.equal(client.resets.get(ids[3] ?? -1), 0x10b);
  assertCleanH3(gateway, client);
});

test("100 streams that are not read hold no more than their bounds", () => {
  const gateway = new MemoryGateway({ h2: { maxSendBufferBytes: 20_000 } });
  const client = new MemoryH3Client(gateway, { net: { streamWindowBytes: 10_000, maxStreams: 1000 } });
  client.reading = false;
  const answers = Array.from({ length: 100 }, () => client.request("/"));
  for (const [index, { stream }] of answers.entries()) {
    client.link.pause(stream.id);
    const backend = gateway.backend(index);
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    for (let i = 0; i < 20; i++) backend.send(Buffer.alloc(50_000, "z"));
  }
  client.turn();
  const held =
    1_000_000 * 100 - answers.reduce((sum, _, index) => sum + gateway.backend(index).undeliveredBytes, 0);
  assert.ok(held <= 100 * (10_000 + 20_000 + 65_536 * 2), `${held} bytes have left the backends`);
  client.net.streams.clear();
  assertCleanH3(gateway, client);
});

/** A whole request, for streams of which the client's codec knows nothing. */
function request(path: string): Buffer {
  return headers([
    [":method", "GET"],
    [":scheme", "https"],
    [":authority", "app.example"],
    [":path", path],
  ]);
}

test("a reload that makes a relay of the listener ends connections without failing what is under way", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  const before = client.request("/before");
  gateway.reload({ services: { app: ["tcp://10.0.0.1:443"] }, listener: { protocol: "tls" } });
  const after = client.request("/after");
  assert.equal(after.told, "421 misdirected request");
  assert.deepEqual(client.goAways, []);
  gateway.backend().send(ok("fine"));
  client.turn();
  assert.equal(before.told, "200 fine");
  assert.equal(gateway.transport.dials.length, 1);
  assertCleanH3(gateway, client);
});

test("a listener that has become a raw proxy says goodbye to who still asks it for something", () => {
  const gateway = new MemoryGateway();
  const listener = new MemoryH3Listener(gateway);
  const client = new MemoryH3Client(gateway, { listener });
  answered(gateway, client);
  listener.quic = { ...listener.quic, rawProxy: { maxStreams: 100 } };
  const late = client.request("/late");
  assert.equal(late.told, "421 misdirected request");
  assert.deepEqual(client.goAways, [MAX_STREAM_ID]);
  assert.equal(gateway.global("h3_connections_recycled_total"), 0);
  client.advance(600);
  assert.deepEqual(client.goAways, [MAX_STREAM_ID, 8]);
  client.advance(600);
  assert.equal(client.ending, NO_ERROR);
  assertCleanH3(gateway, client);
});
