import assert from "node:assert/strict";
import { test } from "node:test";
import { type RelayScene, relayScene } from "../../../test/support/memory-quic-relay.ts";
import { EARLY_DATAGRAMS } from "./quic-relay-limits.ts";

test("streams of both kinds, opened by either side, pass whole and with the same IDs", () => {
  const scene = relayScene();
  const { client } = scene;
  const backend = scene.backend();
  const request = client.open("question", true);
  const push = backend.open("notice", true, true);
  const ask = backend.open("and you?");
  const log = client.open("one way", true, true);
  scene.settle();
  backend.say(request, "answer", true);
  client.say(ask, "fine", true);
  backend.say(ask, "", true);
  scene.settle();
  assert.deepEqual([request, log, ask, push], [0, 2, 1, 3]);
  assert.equal(backend.stream(request).text, "question");
  assert.ok(backend.stream(request).ended);
  assert.equal(client.stream(request).text, "answer");
  assert.equal(client.stream(push).text, "notice");
  assert.equal(backend.stream(log).text, "one way");
  assert.equal(client.stream(ask).text, "and you?");
  assert.equal(backend.stream(ask).text, "fine");
  assert.ok(client.stream(ask).ended && backend.stream(ask).ended);
  assert.deepEqual(scene.tally.counts, {
    quic_modeb_connections: 1,
    quic_modeb_connections_total: 1,
    quic_modeb_streams_active: 0,
    quic_modeb_streams_total: 4,
    bytes_client_to_backend: 19,
    bytes_backend_to_client: 20,
  });
  client.link.close(0, "");
  scene.assertOver();
});

test("an end without octets passes, before and after some", () => {
  const scene = relayScene();
  const empty = scene.client.open("", true);
  const late = scene.client.open("x");
  scene.settle();
  assert.ok(scene.backend().stream(empty).ended);
  assert.equal(scene.backend().stream(late).ended, false);
  scene.client.say(late, "", true);
  scene.settle();
  assert.ok(scene.backend().stream(late).ended);
  scene.client.link.close(0, "");
  scene.assertOver();
});

test("codes of resets and stops pass, in every direction, and leave the other direction alone", () => {
  const scene = relayScene();
  const { client } = scene;
  const backend = scene.backend();
  for (const [from, to] of [
    [client, backend],
    [backend, client],
  ] as const) {
    const reset = from.open("unfinished");
    const stopped = from.open("unwanted");
    const wayBack = from.open("x", true);
    const oneWay = from.open("x", false, true);
    scene.settle();
    from.link.reset(reset, 0x10c);
    to.link.stop(stopped, 0x3fff_ffff_ffff);
    to.link.reset(wayBack, 7);
    to.link.stop(oneWay, 0);
    scene.settle();
    assert.equal(to.stream(reset).resetCode, 0x10c);
    assert.equal(from.stream(stopped).stopCode, 0x3fff_ffff_ffff);
    assert.equal(from.stream(wayBack).resetCode, 7);
    assert.equal(from.stream(oneWay).stopCode, 0);
    to.say(reset, "still here", true);
    to.say(stopped, "me too", true);
    scene.settle();
    assert.equal(from.stream(reset).text, "still here");
    assert.equal(from.stream(stopped).text, "me too");
  }
  assert.equal(scene.tally.get("quic_modeb_streams_active"), 0);
  client.link.close(0, "");
  scene.assertOver();
});

test("a stop before the answer has begun reaches the backend, and of the peer's silent streams too", () => {
  const scene = relayScene();
  const silent = scene.client.link.openBidirectional();
  const asked = scene.client.open("question", true);
  scene.client.link.stop(silent, 0x55);
  scene.client.link.stop(asked, 0x56);
  scene.settle();
  assert.equal(scene.backend().stream(silent).stopCode, 0x55);
  assert.equal(scene.backend().stream(asked).stopCode, 0x56);
  scene.client.link.close(0, "");
  scene.assertOver();
});

test("streams that have said nothing yet are opened before later ones, so that IDs stay the same", () => {
  const scene = relayScene();
  const silent = [scene.client.link.openBidirectional(), scene.client.link.openUnidirectional()];
  const loud = [scene.client.open("b"), scene.client.open("u", false, true)];
  scene.settle();
  assert.deepEqual([...scene.backend().streams.keys()], loud);
  scene.client.say(silent[0] as number, "at last", true);
  scene.settle();
  assert.equal(scene.backend().stream(silent[0] as number).text, "at last");
  scene.client.link.close(0, "");
  scene.assertOver();
});

test("the close of either side passes with its code and reason, and ends both", () => {
  for (const side of ["client", "backend"] as const) {
    const scene = relayScene();
    const peers = { client: scene.client, backend: scene.backend() };
    const other = peers[side === "client" ? "backend" : "client"];
    const last = peers[side].open("last words", true);
    peers[side].link.close(0x1234_5678, "so long");
    scene.settle();
    assert.equal(other.stream(last).text, "last words");
    assert.deepEqual(other.closed, { by: "peer", application: true, code: 0x1234_5678, reason: "so long" });
    assert.deepEqual(scene.gateway.allFaults, {});
    scene.assertOver();
  }
});

test("an end that is no application's is told by the transport, and never as an orderly one by mistake", () => {
  const ends = [
    { end: { by: "local", application: false, code: 0, reason: "" }, told: 0, faults: ["none", "none"] },
    {
      end: { by: "local", application: false, code: 0x3, reason: "window" },
      told: 1,
      faults: ["client_closed", "upstream_reset"],
    },
  ] as const;
  for (const { end, told, faults } of ends) {
    for (const side of ["client", "backend"] as const) {
      const scene = relayScene();
      const peers = { client: scene.client, backend: scene.backend() };
      peers[side].link.end(end);
      scene.settle();
      const other = peers[side === "client" ? "backend" : "client"].closed;
      assert.equal(other?.application, false);
      assert.equal(other?.code, told);
      const fault = faults[side === "client" ? 0 : 1];
      assert.deepEqual(scene.gateway.allFaults, fault === "none" ? {} : { [fault]: 1 });
      scene.assertOver();
    }
  }
});

test("silence, a stateless reset or a broken rule on one side is an internal error to the other", () => {
  const gone = [
    ["timeout", 0, "tunnel_idle", "tunnel_idle"],
    ["reset", 0, "client_closed", "upstream_reset"],
    ["local", 0xa, "client_closed", "upstream_reset"],
  ] as const;
  for (const [by, code, ofClient, ofBackend] of gone) {
    for (const side of ["client", "backend"] as const) {
      const scene = relayScene();
      const ours = side === "client" ? scene.front.server : scene.back.client;
      ours.end({ by, application: false, code, reason: "" });
      scene.settle();
      const other = side === "client" ? scene.backend() : scene.client;
      assert.equal(other.closed?.application, false);
      assert.equal(other.closed?.code, 1);
      assert.deepEqual(scene.gateway.allFaults, { [side === "client" ? ofClient : ofBackend]: 1 });
      scene.client.link.abandon();
      scene.assertOver();
    }
  }
});

test("datagrams pass both ways; what the other side has no room for is dropped, the newest first, and counted", () => {
  const scene = relayScene({
    client: { maxDatagrams: 10 },
    backend: { maxDatagrams: 3, maxDatagramBytes: 100 },
  });
  scene.client.datagram("ping");
  scene.backend().datagram("pong");
  scene.settle();
  assert.deepEqual([scene.backend().datagrams, scene.client.datagrams], [["ping"], ["pong"]]);
  for (let i = 0; i < 5; i++) scene.client.datagram(`${i}`);
  scene.settle();
  assert.deepEqual(scene.backend().datagrams, ["ping", "0", "1", "2"]);
  scene.client.datagram("x".repeat(101));
  scene.settle();
  assert.equal(scene.tally.get("quic_modeb_datagrams_dropped_total"), 3);
  scene.client.link.close(0, "");
  scene.assertOver();
});

test("the client's protocol is offered to the backend", () => {
  const scene = relayScene({ client: { applicationProtocol: "moq-00" } });
  assert.equal(scene.dialled[0]?.applicationProtocol, "moq-00");
  scene.client.link.close(0, "");
  scene.assertOver();
});

test("what comes before the backend has answered waits unread, and loses nothing", () => {
  const scene = relayScene({ hold: true, client: { maxDatagrams: 200 }, backend: { maxDatagrams: 200 } });
  const { client } = scene;
  const id = client.open("x".repeat(200_000), true);
  const short = client.open("early");
  for (let i = 0; i < EARLY_DATAGRAMS + 6; i++) client.datagram(`d${i}`);
  scene.settle();
  client.link.reset(short, 5);
  scene.settle();
  assert.equal(scene.relay.heldBytes("client"), 0);
  assert.equal(client.unsaid(id), 100_000, "the window is full");
  assert.equal(scene.tally.get("quic_modeb_streams_active"), 0);
  scene.letGo();
  assert.equal(scene.backend().stream(id).octets.length, 200_000);
  assert.ok(scene.backend().stream(id).ended);
  assert.equal(scene.backend().stream(short).resetCode, 5);
  assert.equal(scene.backend().datagrams.length, EARLY_DATAGRAMS);
  assert.equal(scene.tally.get("quic_modeb_datagrams_dropped_total"), 6);
  client.link.close(0, "");
  scene.assertOver();
});

/** What the client gets when there is no backend. */
function assertRefused(scene: RelayScene, fault: string): void {
  scene.settle();
  assert.equal(scene.client.closed?.application, false);
  assert.equal(scene.client.closed?.code, 0x2);
  assert.deepEqual(scene.gateway.allFaults, { [fault]: 1 });
  scene.assertOver();
}

test("a client is refused when no backend can be had, after each was tried", () => {
  const scene = relayScene({ hold: true });
  scene.back.client.end({ by: "local", application: false, code: 0, reason: "ECONNREFUSED" });
  scene.settle();
  assert.equal(scene.client.closed, null);
  scene.back.client.end({ by: "local", application: false, code: 0, reason: "ECONNREFUSED" });
  assertRefused(scene, "connect_refused");
  assert.equal(scene.attempts, 2);
  assertRefused(relayScene({ refusals: ["name_unresolved", "name_unresolved"] }), "name_unresolved");
  assertRefused(relayScene({ refusals: ["no_backend"] }), "no_backend");
});

test("another backend is tried when one does not answer in time, or its certificate is wrong", () => {
  const scene = relayScene({ hold: true });
  scene.gateway.advance(2100);
  scene.settle();
  assert.equal(scene.dialled.length, 2);
  scene.letGo();
  const id = scene.client.open("hello", true);
  scene.settle();
  assert.equal(scene.backend().stream(id).text, "hello");
  scene.gateway.advance(10_000);
  assert.equal(scene.client.closed, null, "the time for the handshake is no longer counted");
  scene.client.link.close(0, "");
  scene.assertOver();
  const distrusted = relayScene({ hold: true, plan: { services: { app: ["10.0.0.1:4433"] } } });
  distrusted.back.client.end({ by: "local", application: false, code: 0x130, reason: "unknown authority" });
  assertRefused(distrusted, "upstream_tls_failed");
});

test("a client that leaves while its backend is dialled leaves nothing behind", () => {
  const scene = relayScene({ hold: true });
  scene.client.link.close(0, "");
  scene.settle();
  assert.deepEqual(scene.gateway.allFaults, { client_closed: 1 });
  assert.equal(scene.backend().established, false);
  scene.assertOver();
});

test("a drain leaves a relay its budget, then ends both sides with the transport's NO_ERROR", () => {
  const scene = relayScene();
  scene.relay.announceClose();
  const id = scene.client.open("on and on");
  scene.settle();
  assert.equal(scene.backend().stream(id).text, "on and on");
  assert.equal(scene.relay.abort(), true);
  scene.settle();
  for (const peer of [scene.client, scene.backend()]) {
    assert.deepEqual(peer.closed, { by: "peer", application: false, code: 0, reason: "shutting down" });
  }
  assert.deepEqual(scene.gateway.allFaults, { drained: 1 });
  scene.assertOver();
  const dialling = relayScene({ hold: true });
  assert.equal(dialling.relay.abort(), true);
  dialling.assertOver();
});
