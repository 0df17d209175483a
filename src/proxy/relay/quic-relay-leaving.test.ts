import assert from "node:assert/strict";
import { test } from "node:test";
import { relayScene } from "../../../test/support/memory-quic-relay.ts";
import { STREAM_REFUSED } from "./quic-relay-end.ts";
import { WORN_LINGER_MS, WORN_STREAMS_MS } from "./quic-relay-limits.ts";

test("a relay with a worn connection takes no more streams, and closes both when those that it has are over", () => {
  for (const side of ["client", "backend"] as const) {
    const scene = relayScene();
    const { client } = scene;
    const backend = scene.backend();
    const kept = client.open("ask");
    scene.settle();
    const worn = side === "client" ? scene.relay : scene.back.client.owner;
    worn?.onWorn?.();
    worn?.onWorn?.();
    const refused = client.open("more", true);
    scene.settle();
    assert.equal(client.stream(refused).resetCode, STREAM_REFUSED);
    assert.equal(backend.streams.has(refused), false);
    client.say(kept, "", true);
    backend.say(kept, "answer", true);
    scene.settle();
    assert.equal(client.stream(kept).text, "answer");
    assert.equal(client.closed, null, "what was said last may have to be sent again");
    scene.gateway.advance(WORN_LINGER_MS + 100);
    scene.settle();
    for (const { closed } of [client, backend])
      assert.deepEqual(closed, { by: "peer", application: false, code: 0, reason: "worn, begin anew" });
    assert.equal(scene.tally.get("quic_modeb_connections_worn_total"), 1);
    scene.assertOver();
  }
});

test("a relay with a worn connection and no stream ends soon, one with streams that do not end in time too", () => {
  for (const streams of [0, 1]) {
    const scene = relayScene();
    if (streams > 0) scene.client.open("ask");
    scene.settle();
    scene.relay.onWorn();
    scene.gateway.advance((streams > 0 ? WORN_STREAMS_MS : WORN_LINGER_MS) - 100);
    scene.settle();
    assert.equal(scene.client.closed, null);
    scene.gateway.advance(200);
    scene.settle();
    assert.notEqual(scene.client.closed, null);
    scene.assertOver();
  }
});

test("a client that leaves a worn relay has its close passed", () => {
  const scene = relayScene();
  scene.relay.onWorn();
  scene.client.link.close(0x77, "done");
  scene.settle();
  assert.equal(scene.backend().closed?.code, 0x77);
  scene.assertOver();
});
