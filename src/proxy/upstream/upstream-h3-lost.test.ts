import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { H3Scene, TELLS_UNREACHABLE } from "../../../test/support/h3-scene.ts";
import type { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, get, post } from "../../../test/support/memory-http.ts";
import { type RecordingSink, sendTo } from "../../../test/support/recording-sink.ts";
import { UdpWire } from "../../../test/support/udp-wire.ts";
import { waitFor } from "../../../test/support/wait-for.ts";

const BOUND = { timeout: 30_000 };

let scene: H3Scene;

beforeEach(async () => {
  scene = await H3Scene.open();
});

afterEach(() => scene.close());

async function over(sink: RecordingSink): Promise<void> {
  await waitFor("the end", () => sink.events.includes("end") || sink.fault !== null);
}

/** Lets the gateway's time pass, as QUIC's does, until something is so. */
function meanwhile(gateway: MemoryGateway, what: string, probe: () => boolean): Promise<boolean> {
  return waitFor(what, () => {
    gateway.advance(100);
    return probe();
  });
}

test(
  "a backend that is gone without a word gets no more requests soon, and its own end after a while",
  { ...BOUND, skip: TELLS_UNREACHABLE ? false : "the native UDP sockets are not built" },
  async () => {
    const backend = (await scene.backend()).echo();
    const wire = await UdpWire.open(backend.port);
    const gateway = scene.gateway([`h3://127.0.0.1:${wire.port}`]);
    await over(sendTo(gateway, get("/")));
    await wire.close();
    const lost = sendTo(gateway, post("/lost", "").replace("Content-Length: 0\r\n", ""));
    await meanwhile(gateway, "the suspicion", () => {
      const sink = sendTo(gateway, get("/probe"));
      return sink.fault?.code === "connect_refused" || scene.dialled > 1;
    });
    const refused = sendTo(gateway, get("/refused"));
    await meanwhile(gateway, "the refusal", () => refused.fault !== null);
    assert.equal(refused.fault?.code, "connect_refused");
    await meanwhile(gateway, "the end", () => lost.fault !== null);
    assert.equal(lost.fault?.code, "upstream_closed");
    assert.match(lost.fault?.detail ?? "", /not acknowledged/);
    assertClean(gateway);
  },
);

test("a backend that takes its time is asked for a sign of life, and kept", BOUND, async () => {
  const backend = await scene.backend();
  scene.transport = { ...scene.transport, maxIdleTimeoutMs: 1500 };
  const gateway = scene.gateway([`h3://127.0.0.1:${backend.port}`]);
  const sink = sendTo(gateway, get("/slow"));
  await waitFor("the request", () => backend.requests.length === 1);
  const beganMs = performance.now();
  // Two idle timeouts of real time, in which the gateway's own clock sees two minutes.
  await meanwhile(gateway, "time to pass", () => {
    gateway.advance(2000);
    return performance.now() - beganMs > 3000;
  });
  assert.deepEqual(sink.events, []);
  backend.requests[0]?.answer("at last");
  await over(sink);
  assert.equal(sink.text, "at last");
  assert.equal(scene.dialled, 1);
  assertClean(gateway);
});

test(
  "a session that nobody uses ends with its idle timeout, and a request finds another",
  BOUND,
  async () => {
    const backend = (await scene.backend()).echo();
    scene.transport = { ...scene.transport, maxIdleTimeoutMs: 200 };
    const gateway = scene.gateway([`h3://127.0.0.1:${backend.port}`]);
    await over(sendTo(gateway, get("/1")));
    await waitFor("its end", () => gateway.global("h3_upstream_connections") === 0);
    assert.equal(gateway.global("pool_idle_gauge"), 0);
    const sink = sendTo(gateway, get("/2"));
    await over(sink);
    assert.equal(sink.text, "/2 ");
    assert.equal(scene.dialled, 2);
    assertClean(gateway);
  },
);

test("an idle timeout with a request on the session is a fault of the backend", BOUND, async () => {
  const backend = await scene.backend();
  scene.transport = { ...scene.transport, maxIdleTimeoutMs: 300 };
  const gateway = scene.gateway([`h3://127.0.0.1:${backend.port}`]);
  const sink = sendTo(gateway, get("/"));
  await over(sink);
  assert.equal(sink.fault?.code, "upstream_closed");
  assert.equal(sink.fault?.detail.includes("nothing was heard"), true);
  assertClean(gateway);
});

test(
  "a backend that has been started anew resets the session: the request is sent again",
  BOUND,
  async () => {
    const before = (await scene.backend()).echo();
    const wire = await UdpWire.open(before.port);
    const gateway = scene.gateway([`h3://127.0.0.1:${wire.port}`]);
    await over(sendTo(gateway, get("/before")));
    const anew = (await scene.backend()).echo();
    wire.to = anew.port;
    const sink = sendTo(gateway, get("/after"));
    await over(sink);
    assert.equal(sink.text, "/after ");
    assert.equal(scene.dialled, 2);
    assert.equal(anew.requests.length, 1);
    assertClean(gateway);
    await wire.close();
  },
);
