import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SEND_HIGH_WATER_BYTES } from "../../base/limits.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
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

/** One read of a transport. */
const READ_BYTES = 64 * 1024;
/** What one direction of an exchange may hold: the queue up to its mark, the read that passed it, and one more, as `blocked` may lag. */
const MAX_HELD_BYTES = SEND_HIGH_WATER_BYTES + 2 * READ_BYTES + 1024;

const BODY_BYTES = 1_000_000;

test("a client that does not read stops the backend, and gets everything when it reads again", () => {
  for (const framing of [`Content-Length: ${BODY_BYTES}`, "Connection: close"]) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(get("/"));
    client.stopReading();
    const backend = gateway.backend();
    backend.send(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`);
    for (let sent = 0; sent < BODY_BYTES; sent += 50_000) backend.send("x".repeat(50_000));
    assert.ok(backend.paused);
    assert.ok(client.maxQueuedBytes <= MAX_HELD_BYTES, `${client.maxQueuedBytes} bytes were held`);
    assert.ok(backend.undeliveredBytes > BODY_BYTES - MAX_HELD_BYTES);
    client.read(10_000);
    assert.ok(backend.paused, "it resumes when all is gone, not for every byte");
    client.startReading();
    backend.end();
    assert.equal(told(client)[0]?.length, BODY_BYTES + 4);
    assertClean(gateway, client);
  }
});

test("a backend that does not read stops the client, and gets everything when it reads again", () => {
  const bodies = [
    [post("/", "x".repeat(BODY_BYTES)).slice(0, -BODY_BYTES), "x".repeat(50_000), ""],
    [chunkedHead("/"), chunk("x".repeat(50_000)), "0\r\n\r\n"],
  ] as const;
  for (const [head, piece, last] of bodies) {
    const gateway = new MemoryGateway();
    gateway.transport.onDial = ({ peer }) => {
      peer.stopReading();
      peer.accept();
    };
    const client = gateway.client();
    client.send(head);
    for (let sent = 0; sent < BODY_BYTES; sent += 50_000) client.send(piece);
    const backend = gateway.backend();
    assert.ok(client.paused);
    assert.ok(backend.maxQueuedBytes <= MAX_HELD_BYTES, `${backend.maxQueuedBytes} bytes were held`);
    assert.ok(client.undeliveredBytes > BODY_BYTES - MAX_HELD_BYTES - READ_BYTES);
    backend.startReading();
    if (last !== "") client.send(last);
    assert.equal(requestsTo(backend)[0]?.body.length, BODY_BYTES);
    backend.send(ok("all"));
    assert.deepEqual(told(client), ["200 all"]);
    assertClean(gateway, client);
  }
});

test("while a connection to the backend is sought, at most one read of the body is held", () => {
  const gateway = new MemoryGateway();
  gateway.holdDials();
  const client = gateway.client();
  client.send(post("/", "x".repeat(BODY_BYTES)).slice(0, -BODY_BYTES));
  for (let sent = 0; sent < BODY_BYTES; sent += 50_000) client.send("x".repeat(50_000));
  assert.ok(client.paused);
  assert.equal(client.undeliveredBytes, BODY_BYTES - 50_000);
  gateway.backend().accept();
  assert.equal(requestsTo(gateway.backend())[0]?.body.length, BODY_BYTES);
  gateway.backend().send(ok("all"));
  assert.deepEqual(told(client), ["200 all"]);
  assertClean(gateway, client);
});

test("a client that pipelines and does not read gets no more than a bounded amount", () => {
  for (const rule of ["Path(`/known`)", ""]) {
    const gateway = new MemoryGateway({ routes: [{ rule }], listener: { maxKeepaliveRequests: 0 } });
    const client = gateway.client();
    client.stopReading();
    const answer = ok("x".repeat(10_000));
    const requests = 1500;
    for (let i = 0; i < requests / 100; i++) client.send(get("/").repeat(100));
    const answerAll = (): number => {
      let answered = 0;
      while (rule === "" && gateway.backend().take() !== "") {
        gateway.backend().send(answer);
        answered++;
      }
      return answered;
    };
    const answered = answerAll();
    assert.ok(client.paused);
    assert.ok(client.maxQueuedBytes <= MAX_HELD_BYTES, `${client.maxQueuedBytes} bytes were held`);
    assert.ok(answered < 20);
    client.startReading();
    answerAll();
    assert.equal(client.text.split("HTTP/1.1 ").length - 1, requests);
    assertClean(gateway, client);
  }
});

test("a client that pipelines, does not read and stays is let go", () => {
  const gateway = new MemoryGateway({ routes: [{ rule: "Path(`/known`)" }] });
  const client = gateway.client();
  client.stopReading();
  for (let i = 0; i < 20; i++) client.send(get("/").repeat(100));
  assert.equal(client.ending, "open");
  gateway.advance(60_000);
  assert.equal(client.ending, "closed");
  assertClean(gateway);
});

test("whatever sizes come and whenever each side reads, both bodies arrive whole and little is held", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("upload" as const), bytes: fc.integer({ min: 1, max: READ_BYTES }) }),
    fc.record({ kind: fc.constant("download" as const), bytes: fc.integer({ min: 1, max: READ_BYTES }) }),
    fc.record({ kind: fc.constant("clientReads" as const), bytes: fc.integer({ min: 1, max: 200_000 }) }),
    fc.record({ kind: fc.constant("backendReads" as const), bytes: fc.integer({ min: 1, max: 200_000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const gateway = new MemoryGateway();
      gateway.transport.onDial = ({ peer }) => {
        peer.stopReading();
        peer.accept();
      };
      const client = gateway.client();
      client.stopReading();
      client.send(chunkedHead("/"));
      const backend = gateway.backend();
      backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      const sent = { upload: 0, download: 0 };
      for (const { kind, bytes } of steps) {
        if (kind === "clientReads") client.read(bytes);
        else if (kind === "backendReads") backend.read(bytes);
        else {
          sent[kind] += bytes;
          (kind === "upload" ? client : backend).send(chunk("u".repeat(bytes)));
        }
      }
      client.startReading();
      backend.startReading();
      client.send("0\r\n\r\n");
      backend.send("0\r\n\r\n");
      assert.equal(requestsTo(backend)[0]?.body.length, sent.upload);
      assert.equal(answersTo(client)[0]?.body.length, sent.download);
      assert.ok(client.maxQueuedBytes <= MAX_HELD_BYTES, `${client.maxQueuedBytes} bytes were held`);
      assert.ok(backend.maxQueuedBytes <= MAX_HELD_BYTES, `${backend.maxQueuedBytes} bytes were held`);
      assertClean(gateway, client);
    }),
    { numRuns: 40 },
  );
});
