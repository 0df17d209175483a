import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { H3Scene, TELLS_UNREACHABLE } from "../../../test/support/h3-scene.ts";
import type { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, get, post } from "../../../test/support/memory-http.ts";
import { type RecordingSink, sendTo } from "../../../test/support/recording-sink.ts";
import { UdpWire } from "../../../test/support/udp-wire.ts";
import { waitFor } from "../../../test/support/wait-for.ts";

const BOUND = { timeout: 30_000 };

/** A request that is sent once and never again. */
const UNREPEATABLE = post("/once", "").replace("Content-Length: 0\r\n", "");

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
  BOUND,
  async () => {
    const backend = (await scene.backend()).echo();
    const wire = await UdpWire.open(backend.port);
    const gateway = scene.gateway([`h3://127.0.0.1:${wire.port}`]);
    await over(sendTo(gateway, get("/")));
    wire.joined = false;
    const lost = sendTo(gateway, UNREPEATABLE);
    await meanwhile(gateway, "the suspicion", () => {
      sendTo(gateway, get("/probe"));
      return scene.dialled > 1;
    });
    await meanwhile(gateway, "the end", () => lost.fault !== null);
    assert.equal(lost.fault?.code, "upstream_closed");
    assert.match(lost.fault?.detail ?? "", /not acknowledged/);
    await wire.close();
  },
);

test("a backend whose port is closed is gone, as soon as packets are not answered", BOUND, async (t) => {
  const backend = (await scene.backend()).echo();
  const wire = await UdpWire.open(backend.port);
  const gateway = scene.gateway([`h3://127.0.0.1:${wire.port}`]);
  await over(sendTo(gateway, get("/")));
  await wire.close();
  const lost = sendTo(gateway, UNREPEATABLE);
  const beganMs = gateway.clock.nowMs;
  await meanwhile(gateway, "the end", () => lost.fault !== null);
  assert.equal(lost.fault?.code, "upstream_closed");
  assert.match(lost.fault?.detail ?? "", /the backend's port is closed/);
  assert.equal(scene.dialled, 1);
  t.diagnostic(`after ${gateway.clock.nowMs - beganMs} ms of the gateway's time`);
  assertClean(gateway);
});

test(
  "a request that was sent where nobody listens any more is sent again, and its dial is refused",
  { ...BOUND, skip: TELLS_UNREACHABLE ? false : "the native UDP sockets are not built" },
  async () => {
    const backend = (await scene.backend()).echo();
    const wire = await UdpWire.open(backend.port);
    const gateway = scene.gateway([`h3://127.0.0.1:${wire.port}`]);
    await over(sendTo(gateway, get("/")));
    await wire.close();
    const sink = sendTo(gateway, get("/again"));
    await meanwhile(gateway, "the end", () => sink.fault !== null);
    assert.equal(sink.fault?.code, "connect_refused");
    assert.equal(scene.dialled, 2);
    assertClean(gateway);
  },
);

test("a backend that is silent for a while, and listens, is no dead one", BOUND, async () => {
  const backend = (await scene.backend()).echo();
  const wire = await UdpWire.open(backend.port);
  const gateway = scene.gateway([`h3://127.0.0.1:${wire.port}`]);
  await over(sendTo(gateway, get("/")));
  wire.joined = false;
  const sink = sendTo(gateway, UNREPEATABLE);
  const beganMs = gateway.clock.nowMs;
  await meanwhile(
    gateway,
    "the suspicion",
    () => gateway.global("h3_upstream_connections") === 1 && gateway.clock.nowMs > beganMs + 5000,
  );
  wire.joined = true;
  await over(sink);
  assert.equal(sink.text, "/once ");
  assert.equal(scene.dialled, 1);
  assertClean(gateway);
  await wire.close();
});

test(
  "a quiet backend that was started anew resets the session, as what it is asked by is long enough",
  BOUND,
  async () => {
    const before = await scene.backend();
    const wire = await UdpWire.open(before.port);
    const gateway = scene.gateway([`h3://127.0.0.1:${wire.port}`]);
    const sink = sendTo(gateway, UNREPEATABLE);
    await waitFor("the request", () => before.requests.length === 1 && before.requests[0]?.ended === true);
    wire.to = (await scene.backend()).port;
    await meanwhile(gateway, "the end", () => sink.fault !== null);
    assert.equal(sink.fault?.code, "upstream_closed");
    assert.match(sink.fault?.detail ?? "", /stateless reset/);
    assertClean(gateway);
    await wire.close();
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
