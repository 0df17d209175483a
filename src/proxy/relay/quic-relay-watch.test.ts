import assert from "node:assert/strict";
import { test } from "node:test";
import { type RelayScene, relayScene } from "../../../test/support/memory-quic-relay.ts";
import type { MemoryQuicLink } from "../../../test/support/memory-quic.ts";

interface Scene {
  readonly scene: RelayScene;
  /** The gateway's, to the backend. */
  readonly link: MemoryQuicLink;
}

/** A relay that has said something to its backend, and been heard. */
function said(streams: number): Scene {
  const scene = relayScene();
  for (let i = 0; i < streams; i++) scene.client.open("question");
  scene.settle();
  const link = scene.back.client;
  Object.assign(link.packets, { packetsReceived: 10, packetsSent: 10 });
  return { scene, link };
}

/** Until somebody asks, or so much time has passed. */
function untilAsked({ scene }: Scene, atMostMs: number): number {
  let passedMs = 0;
  for (; passedMs < atMostMs && scene.asking.length === 0; passedMs += 100) scene.gateway.advance(100);
  return passedMs;
}

function refuse({ scene }: Scene): void {
  for (const refused of scene.asking.splice(0)) refused();
  scene.settle();
}

function assertGone({ scene, link }: Scene): void {
  assert.deepEqual(link.closing, { by: "local", application: false, code: 0, reason: "" });
  assert.deepEqual(scene.client.closed, {
    by: "peer",
    application: false,
    code: 1,
    reason: "the other connection of the relay failed",
  });
  assert.equal(scene.relay.fault?.toString(), "upstream_closed: the backend's port is closed");
  assert.deepEqual(scene.gateway.allFaults, { upstream_closed: 1 });
  scene.assertOver();
}

test("a backend whose packets are answered is not asked about, however long it takes", () => {
  const all = said(1);
  for (let i = 0; i < 100; i++) {
    all.link.packets.packetsReceived += 1;
    all.link.packets.packetsSent += 1;
    all.scene.gateway.advance(1000);
  }
  assert.deepEqual(all.scene.asking, []);
  all.scene.client.link.close(0, "");
  all.scene.assertOver();
});

test("unanswered packets, and a port that is closed: the relay is over", () => {
  const all = said(0);
  all.scene.gateway.advance(2000);
  all.link.packets.packetsSent += 2;
  untilAsked(all, 2000);
  refuse(all);
  assert.equal(all.link.pings, 0);
  assertGone(all);
});

test("a port that is closed while the backend answers: it goes on", () => {
  const all = said(1);
  untilAsked(all, 10_000);
  for (let i = 0; i < 20; i++) {
    all.link.packets.packetsSent += 2;
    all.link.packets.packetsReceived += 1;
    refuse(all);
    all.scene.gateway.advance(1000);
  }
  assert.equal(all.scene.client.closed, null);
  all.scene.client.link.close(0, "");
  all.scene.assertOver();
});

test("a quiet backend is asked for a sign of life when its port is closed, and only then", () => {
  const all = said(1);
  assert.ok(untilAsked(all, 10_000) < 10_000);
  all.scene.gateway.advance(20_000);
  assert.equal(all.link.pings, 0);
  refuse(all);
  assert.ok(all.link.pings > 0);
  assert.equal(all.scene.client.closed, null);
  all.link.packets.packetsSent += 2;
  untilAsked(all, 2000);
  refuse(all);
  assertGone(all);
});

test("nobody asks about a quiet backend without streams, nor after the relay is over", () => {
  const all = said(0);
  assert.equal(untilAsked(all, 20_000), 20_000);
  all.scene.client.open("question");
  all.scene.settle();
  assert.ok(untilAsked(all, 10_000) < 10_000);
  all.scene.client.link.close(0, "");
  all.scene.settle();
  all.link.packets.packetsSent += 5;
  refuse(all);
  assert.equal(untilAsked(all, 20_000), 20_000);
  assert.equal(all.link.pings, 0);
  all.scene.assertOver();
});
