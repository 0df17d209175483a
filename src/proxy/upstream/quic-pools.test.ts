import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { H3Backend } from "../../../test/support/h3-backend.ts";
import { H3Scene } from "../../../test/support/h3-scene.ts";
import type { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, get, ok } from "../../../test/support/memory-http.ts";
import { backendsOf, RecordingSink, sendTo } from "../../../test/support/recording-sink.ts";
import { exchangeOf } from "../../../test/support/memory-exchange.ts";
import { waitFor } from "../../../test/support/wait-for.ts";

const BOUND = { timeout: 30_000 };

let scene: H3Scene;

beforeEach(async () => {
  scene = await H3Scene.open();
});

afterEach(() => scene.close());

function address({ port }: H3Backend): string {
  return `h3://127.0.0.1:${port}`;
}

/** A request to the backend of this place in the plan. */
function sendToBackend(gateway: MemoryGateway, index: number, head: string): RecordingSink {
  const exchange = exchangeOf(gateway, head);
  const sink = new RecordingSink(exchange);
  exchange.backend = backendsOf(gateway)[index] ?? null;
  exchange.attempts = 1;
  exchange.endRequest();
  exchange.backend?.acquire(exchange);
  return sink;
}

async function over(sink: RecordingSink): Promise<void> {
  await waitFor("the end", () => sink.events.includes("end") || sink.fault !== null);
}

test("sessions grow with what they have to do, up to the limit for the backend", BOUND, async () => {
  const backend = await scene.backend({ streams: 128 });
  const gateway = scene.gateway([address(backend)], {
    pool: { quicMaxPerBackend: 2, maxPendingPerBackend: 10 },
  });
  const sinks = Array.from({ length: 80 }, (_, i) => sendTo(gateway, get(`/${i}`)));
  await waitFor("the first ones", () => backend.requests.length === 80);
  assert.equal(scene.dialled, 1);
  for (let i = 80; i < 120; i++) sinks.push(sendTo(gateway, get(`/${i}`)));
  await waitFor("a second session", () => gateway.global("h3_upstream_connections") === 2);
  for (let i = 120; i < 266; i++) sinks.push(sendTo(gateway, get(`/${i}`)));
  await waitFor("as many as both sessions take", () => backend.requests.length === 256);
  assert.equal(scene.dialled, 2);
  const refused = sendTo(gateway, get("/too-many"));
  await over(refused);
  assert.equal(refused.fault?.code, "pool_exhausted");
  backend.onRequest = (request) => request.answer("ok");
  for (const request of backend.requests) request.answer("ok");
  for (const sink of sinks) await over(sink);
  assert.ok(sinks.every((sink) => sink.text === "ok"));
  assert.equal(scene.dialled, 2);
  assertClean(gateway);
});

test(
  "at the limit of the worker a session that rests makes way, and a backend waits for one that does not",
  BOUND,
  async () => {
    const backends = [await scene.backend(), await scene.backend(), await scene.backend()];
    const [first, second, third] = backends;
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    first.echo();
    second.echo();
    const gateway = scene.gateway(backends.map(address), { pool: { quicMaxTotal: 2 } });
    await over(sendToBackend(gateway, 0, get("/1")));
    await over(sendToBackend(gateway, 1, get("/2")));
    assert.equal(gateway.global("h3_upstream_connections"), 2);
    // The one that has rested for longest closes.
    const held = sendToBackend(gateway, 2, get("/3"));
    await waitFor("its request", () => third.requests.length === 1);
    await waitFor("the close of the first", () => first.connections[0]?.closed !== null);
    assert.equal(second.connections[0]?.closed, null);
    assert.equal(gateway.global("h3_upstream_connections"), 2);
    second.onRequestEnd = () => {};
    const busy = sendToBackend(gateway, 1, get("/4"));
    await waitFor("its request", () => second.requests.length === 2);
    const waiting = sendToBackend(gateway, 0, get("/5"));
    assert.equal(scene.dialled, 3);
    third.requests[0]?.answer("done");
    await over(held);
    await over(waiting);
    assert.equal(waiting.text, "/5 ");
    assert.equal(scene.dialled, 4);
    assert.equal(gateway.global("h3_upstream_connections"), 2);
    await waitFor("the close of the third", () => third.connections[0]?.closed !== null);
    second.requests[1]?.answer("done");
    await over(busy);
    assertClean(gateway);
  },
);

test("who waits at the limit of the worker is told so in time", BOUND, async () => {
  const backends = [await scene.backend(), await scene.backend()];
  const gateway = scene.gateway(backends.map(address), { pool: { quicMaxTotal: 1 } });
  sendToBackend(gateway, 0, get("/held"));
  await waitFor("its request", () => backends[0]?.requests.length === 1);
  const waiting = sendToBackend(gateway, 1, get("/waits"));
  gateway.advance(5100);
  assert.deepEqual(waiting.events, ["pool_exhausted"]);
  assert.equal(scene.dialled, 1);
  backends[0]?.requests[0]?.answer("done");
  await waitFor("its rest", () => gateway.global("pool_idle_gauge") === 1);
  assertClean(gateway);
});

test("backends of three versions are balanced together", BOUND, async () => {
  const h3 = (await scene.backend()).echo();
  const gateway = scene.gateway(["10.0.0.1:80", address(h3)]);
  const client = gateway.client();
  for (let i = 0; i < 4; i++) client.send(get(`/${i}`));
  let answered = 0;
  await waitFor("four answers", () => {
    for (const dial of gateway.transport.dials) {
      for (; dial.peer.take() !== ""; answered++) dial.peer.send(ok("h1"));
    }
    gateway.transport.pump();
    return client.text.split("HTTP/1.1 200").length === 5;
  });
  assert.equal(answered, 2);
  assert.equal(h3.requests.length, 2);
  assertClean(gateway, client);
});

test("a backend that no plan names any more closes its sessions after their streams", BOUND, async () => {
  const backend = await scene.backend();
  const gateway = scene.gateway([address(backend)]);
  const sink = sendTo(gateway, get("/"));
  await waitFor("its request", () => backend.requests.length === 1);
  gateway.reload({});
  assert.equal(backend.connections[0]?.closed, null);
  backend.requests[0]?.answer("still");
  await over(sink);
  assert.equal(sink.text, "still");
  await waitFor("the close", () => backend.connections[0]?.closed !== null);
  assertClean(gateway);
});
