import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { LoopbackH3 } from "../../../test/support/loopback-h3.ts";
import { fieldValue } from "../../../test/support/strict-http1.ts";
import { ok, requestsTo } from "../../../test/support/memory-http.ts";
import { waitFor } from "../../../test/support/wait-for.ts";

const BOUND = { timeout: 60_000 };
const MIB = 1_048_576;
const opened: LoopbackH3[] = [];

afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

async function open(...options: Parameters<typeof LoopbackH3.open>): Promise<LoopbackH3> {
  const loopback = await LoopbackH3.open(...options);
  opened.push(loopback);
  return loopback;
}

test("requests and answers over loopback", BOUND, async () => {
  const { gateway, ...world } = await open();
  const client = await world.connect();
  const get = client.request("/a");
  const post = client.request("/b", { method: "POST", body: "some content" });
  await waitFor("both requests", () => gateway.transport.dials.length === 2);
  assert.equal(fieldValue(requestsTo(gateway.backend(0))[0]?.fields ?? [], "x-forwarded-for"), "127.0.0.1");
  assert.equal(requestsTo(gateway.backend(1))[0]?.body.toString(), "some content");
  gateway.backend(1).send(ok("second"));
  // In parts, each of which leaves by itself: nothing of QUIC happens in between.
  gateway.backend(0).send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
  await waitFor("the first part", () => get.body === "part");
  gateway.backend(0).send("4\r\npart\r\n0\r\n\r\n");
  await waitFor("both answers", () => get.over && post.over);
  assert.deepEqual([get.told, post.told], ["200 partpart", "200 second"]);
  client.close();
  await waitFor("the end", () => gateway.global("h3_downstream_connections") === 0);
});

test("large bodies both ways, each as fast as its reader", BOUND, async () => {
  const { gateway, ...world } = await open({ http: { maxRequestBodyBytes: 0, maxResponseBodyBytes: 0 } });
  const client = await world.connect();
  const upload = client.request("/", { method: "POST", length: 8 * MIB, end: false });
  await waitFor("the request", () => gateway.transport.dials.length === 1);
  const backend = gateway.backend();
  backend.stopReading();
  client.send(upload, Buffer.alloc(8 * MIB, "u"));
  client.end(upload);
  await waitFor("the window to fill", () => backend.queuedBytes > 65_536);
  let before = -1;
  await waitFor("everything to stand", () => before === (before = backend.queuedBytes));
  assert.ok(backend.maxQueuedBytes < MIB / 2, `${backend.maxQueuedBytes} bytes were held`);
  backend.startReading();
  await waitFor("the body", () => requestLength(backend.bytes) === 8 * MIB, { timeoutMs: 30_000 });
  backend.send(`HTTP/1.1 200 OK\r\nContent-Length: ${8 * MIB}\r\n\r\n`);
  client.reading = false;
  for (let i = 0; i < 128; i++) backend.send(Buffer.alloc(65_536, "d"));
  await waitFor("the backend to be held back", () => backend.paused && upload.body.length > 0);
  client.read();
  await waitFor("the answer", () => upload.over, { timeoutMs: 30_000 });
  assert.equal(upload.body.length, 8 * MIB);
});

test("a request that is given up ends its upstream, whichever way it is said", BOUND, async () => {
  const { gateway, ...world } = await open();
  const client = await world.connect();
  const stopped = client.request("/", { method: "POST", body: "half", end: false });
  const reset = client.request("/", { method: "POST", body: "half", end: false });
  await waitFor("both requests", () => gateway.transport.dials.length === 2);
  client.link.stop(stopped.stream.id, 0x10c);
  client.link.reset(reset.stream.id, 0x10c);
  client.turn();
  await waitFor("both ends", () => [0, 1].every((index) => gateway.backend(index).ending === "closed"));
  assert.deepEqual(gateway.allFaults, { client_closed: 2 });
});

test("a connection closes when its last answer has been acknowledged", BOUND, async () => {
  const { gateway, ...world } = await open({ http: { keepaliveTimeoutMs: 1000 } });
  const client = await world.connect();
  const answer = client.request("/");
  await waitFor("the request", () => gateway.transport.dials.length === 1);
  const served = world.served[0] ?? assert.fail("nobody was served");
  served.announceClose(0);
  gateway.advance(600);
  gateway.advance(600);
  gateway.backend().send(ok("last"));
  world.links[0]?.flush();
  assert.equal(world.links[0]?.finished(answer.stream.id), false);
  await waitFor("the answer", () => answer.over);
  await waitFor("its acknowledgement", () => world.links[0]?.finished(answer.stream.id));
  gateway.advance(600);
  await waitFor("the close", () => client.ending !== "open");
  assert.equal(client.ending, "peer 0x100");
  assert.equal(client.goAways.at(-1), 4);
});

test("early data are taken of safe requests only", BOUND, async () => {
  const { gateway, ...world } = await open();
  const first = await world.connect();
  const answer = first.request("/");
  await waitFor("the request", () => gateway.transport.dials.length === 1);
  gateway.backend().send(ok("first"));
  await waitFor("the answer", () => answer.over);
  first.close();
  await waitFor("the end", () => gateway.global("h3_downstream_connections") === 0);
  const second = world.begin();
  const get = second.request("/early");
  const post = second.request("/early", { method: "POST", body: "order" });
  assert.equal(second.established, false);
  await waitFor("the refusal", () => post.over);
  assert.equal(post.told, "425 too early");
  const told = requestsTo(gateway.backend()).at(-1);
  assert.equal(told?.startLine, "GET /early HTTP/1.1");
  assert.equal(fieldValue(told?.fields ?? [], "early-data"), "1");
  gateway.backend().send(ok("early"));
  await waitFor("the answer", () => get.over);
  assert.equal(get.told, "200 early");
  await waitFor("the handshake", () => second.established);
  const again = second.request("/again", { method: "POST", body: "order" });
  await waitFor("the request", () => requestsTo(gateway.backend()).length === 3);
  gateway.backend().send(ok("done"));
  await waitFor("the answer", () => again.over);
  assert.equal(again.told, "200 done");
  assert.equal(gateway.global("h3_early_data_requests_total"), 2);
  assert.equal(gateway.global("h3_early_data_refused_total"), 1);
});

/** Octets behind the head. */
function requestLength(bytes: Buffer): number {
  const end = bytes.indexOf("\r\n\r\n");
  return end === -1 ? 0 : bytes.length - end - 4;
}
