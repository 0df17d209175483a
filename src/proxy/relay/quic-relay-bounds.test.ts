import assert from "node:assert/strict";
import { test } from "node:test";
import { RelayScene, relayScene } from "../../../test/support/memory-quic-relay.ts";
import { STREAM_REFUSED } from "./quic-relay-end.ts";
import {
  HELD_PAUSE_BYTES,
  HELD_STREAM_PAUSE_BYTES,
  MAX_RELAY_HELD_BYTES,
  RELAY_CONNECTION_WINDOW_BYTES,
  WAITING_BYTES,
} from "./quic-relay-limits.ts";
import { READ_ARENA_BYTES } from "../quic/quic-environment.ts";

const PART = Buffer.alloc(300_000, "abcdefghij");

test("the named bounds add up to less than 512 KiB", () => {
  assert.ok(MAX_RELAY_HELD_BYTES < 512 * 1024);
  assert.ok(RELAY_CONNECTION_WINDOW_BYTES < MAX_RELAY_HELD_BYTES);
});

test("a reader that stalls on many streams holds a bounded number of octets, then gets all of them", () => {
  for (const slow of ["client", "backend"] as const) {
    const scene = relayScene();
    const reader = slow === "client" ? scene.client : scene.backend();
    const writer = slow === "client" ? scene.backend() : scene.client;
    const from = slow === "client" ? "backend" : "client";
    reader.link.pauseAll();
    const ids = Array.from({ length: 40 }, () => writer.open(PART, true));
    scene.settle();
    const held = scene.relay.heldBytes(from);
    assert.ok(held > 0 && held <= HELD_PAUSE_BYTES + READ_ARENA_BYTES, `${held} octets held`);
    reader.link.resumeAll();
    scene.settle();
    for (const id of ids) assert.ok(reader.stream(id).octets.equals(PART) && reader.stream(id).ended);
    assert.equal(scene.relay.heldBytes(from), 0);
    scene.client.link.close(0, "");
    scene.assertOver();
  }
});

test("a stream that stalls holds back no other, and its own writer", () => {
  const scene = relayScene();
  const backend = scene.backend();
  const stalled = scene.client.open("first");
  scene.settle();
  backend.link.pause(stalled);
  scene.client.say(stalled, PART);
  scene.settle();
  assert.ok(scene.client.unsaid(stalled) > 0);
  const other = scene.client.open(PART, true);
  scene.settle();
  assert.ok(backend.stream(other).ended);
  backend.link.resume(stalled);
  scene.settle();
  assert.equal(backend.stream(stalled).octets.length, PART.length + 5);
  scene.client.link.close(0, "");
  scene.assertOver();
});

test("little is read ahead of a stream that stalls, and no more", () => {
  const scene = relayScene({ backend: { streamWindowBytes: 10 } });
  scene.backend().link.pauseAll();
  const id = scene.client.open("0123456789abc");
  scene.settle();
  assert.equal(scene.relay.heldBytes("client"), 3);
  scene.client.say(id, "x".repeat(HELD_STREAM_PAUSE_BYTES));
  scene.settle();
  const held = scene.relay.heldBytes("client");
  assert.ok(held >= HELD_STREAM_PAUSE_BYTES, `${held} octets`);
  scene.client.say(id, "y");
  scene.settle();
  assert.equal(scene.relay.heldBytes("client"), held);
  scene.client.link.close(0, "");
  scene.assertOver();
});

test("what is held of a stream is dropped when it is reset or stopped", () => {
  for (const how of ["reset", "stop"] as const) {
    const scene = relayScene();
    const id = scene.client.open("first");
    scene.settle();
    scene.backend().link.pause(id);
    scene.client.say(id, PART);
    scene.settle();
    assert.ok(scene.relay.heldBytes("client") > 0);
    if (how === "reset") scene.relay.onStreamReset(id, 9);
    else scene.backend().link.stop(id, 9);
    scene.settle();
    assert.equal(scene.relay.heldBytes("client"), 0);
    scene.backend().link.resume(id);
    scene.settle();
    assert.equal(
      how === "reset" ? scene.backend().stream(id).resetCode : scene.client.stream(id).stopCode,
      9,
    );
    scene.client.link.close(0, "");
    scene.assertOver();
  }
});

test("beyond the configured number, streams are refused and counted, and the next are relayed again", () => {
  const scene = relayScene({ maxStreams: 4 });
  const { client } = scene;
  const kept = [client.open("a"), client.open("b"), client.open("c", false, true), scene.backend().open("d")];
  scene.settle();
  const refused = [client.open("e"), client.open("f", true), client.open("g", false, true)];
  scene.settle();
  for (const id of refused) assert.equal(scene.backend().streams.has(id), false);
  assert.equal(client.stream(refused[0] as number).stopCode, STREAM_REFUSED);
  assert.equal(client.stream(refused[0] as number).resetCode, STREAM_REFUSED);
  assert.equal(client.stream(refused[1] as number).resetCode, STREAM_REFUSED);
  assert.equal(client.stream(refused[2] as number).stopCode, STREAM_REFUSED);
  assert.equal(scene.tally.get("quic_modeb_streams_refused_total"), 3);
  assert.equal(scene.tally.get("quic_modeb_streams_active"), 4);
  client.link.reset(kept[2] as number, 1);
  const next = client.open("after");
  scene.settle();
  assert.equal(scene.backend().stream(8).text, "after", "the IDs are no longer the same");
  scene.backend().say(8, "answer", true);
  scene.settle();
  assert.equal(next, 16);
  assert.equal(client.stream(next).text, "answer");
  client.link.close(0, "");
  scene.assertOver();
});

test("streams that the other peer does not allow yet wait, with what they bring, and with resets and stops", () => {
  const scene = relayScene({ backend: { maxStreams: 1 } });
  const { client } = scene;
  const backend = scene.backend();
  const first = client.open("first");
  const second = client.open("second", true);
  const reset = client.open("third");
  const stopped = client.open("fourth");
  scene.settle();
  client.link.reset(reset, 0x31);
  client.link.stop(stopped, 0x41);
  scene.settle();
  assert.deepEqual([...backend.streams.keys()], [first]);
  client.say(first, "", true);
  backend.say(first, "", true);
  scene.settle();
  assert.equal(backend.stream(second).text, "second");
  assert.ok(backend.stream(second).ended);
  backend.say(second, "answer", true);
  scene.settle();
  assert.equal(client.stream(second).text, "answer");
  assert.equal(backend.stream(reset).resetCode, 0x31);
  backend.say(reset, "", true);
  scene.settle();
  assert.equal(backend.stream(stopped).stopCode, 0x41);
  assert.equal(backend.stream(stopped).text, "fourth");
  client.link.close(0, "");
  scene.assertOver();
});

test("what waiting streams bring is bounded: one may fill its window, others are refused, open ones go on", () => {
  const scene = relayScene({ backend: { maxStreams: 1 }, maxStreams: 50 });
  const { client } = scene;
  const backend = scene.backend();
  const open = client.open("first");
  scene.settle();
  const small = client.open("x".repeat(1000), true);
  const large = client.open(PART, true);
  const more = Array.from({ length: 30 }, () => client.open(PART, true));
  scene.settle();
  assert.ok(scene.relay.heldBytes("client") <= WAITING_BYTES + READ_ARENA_BYTES);
  for (const id of more) assert.equal(client.stream(id).stopCode, STREAM_REFUSED);
  assert.equal(scene.tally.get("quic_modeb_streams_refused_total"), 30);
  client.say(open, PART, true);
  scene.settle();
  assert.ok(backend.stream(open).ended);
  backend.onData = (id, fin) => {
    if (fin) backend.say(id, "", true);
  };
  backend.say(open, "", true);
  scene.settle();
  assert.equal(backend.stream(small).octets.length, 1000);
  assert.ok(backend.stream(large).octets.equals(PART) && backend.stream(large).ended);
  client.link.close(0, "");
  scene.assertOver();
});

test("a stream that has waited is held back like any other once it is open", () => {
  const scene = relayScene({ backend: { maxStreams: 1, streamWindowBytes: 10 } });
  const { client } = scene;
  const backend = scene.backend();
  const first = client.open("first");
  const text = "0123456789abcdef".repeat(HELD_STREAM_PAUSE_BYTES / 8);
  const second = client.open(text);
  scene.settle();
  backend.say(first, "", true);
  backend.onData = () => backend.link.pauseAll();
  client.say(first, "", true);
  scene.settle();
  assert.equal(backend.stream(first).ended, true);
  const held = scene.relay.heldBytes("client");
  assert.ok(held > 0);
  client.say(second, "ghij");
  scene.settle();
  assert.equal(scene.relay.heldBytes("client"), held);
  backend.onData = () => {};
  backend.link.resumeAll();
  scene.settle();
  assert.equal(backend.stream(second).text, `${text}ghij`);
  client.link.close(0, "");
  scene.assertOver();
});

test("waiting octets in small pieces take no more memory than they should", () => {
  const scene = relayScene({ backend: { maxStreams: 1 } });
  scene.client.open("first");
  const id = scene.client.open("");
  for (let i = 0; i < 1000; i++) {
    scene.client.say(id, "0123456789");
    scene.settle();
  }
  const held = scene.relay.heldBytes("client");
  assert.ok(held >= 10_000 && held <= 20_000, `${held} octets`);
  scene.backend().say(0, "", true);
  scene.client.say(0, "", true);
  scene.settle();
  assert.equal(scene.backend().stream(id).text, "0123456789".repeat(1000));
  assert.equal(scene.relay.heldBytes("client"), 0);
  scene.client.link.close(0, "");
  scene.assertOver();
});

test("1,000 streams, echoed, a hundred at a time", () => {
  const scene = new RelayScene();
  scene.settle();
  const backend = scene.backend();
  backend.onData = (id, fin) => {
    const stream = backend.stream(id);
    if (fin) backend.say(id, stream.octets, true);
  };
  const sent = new Map<number, string>();
  for (let i = 0; i < 1000; i++) {
    while (scene.client.link.bidirectionalLeft() === 0) scene.settle();
    const text = `stream ${i} `.repeat((i % 50) + 1);
    sent.set(scene.client.open(text, true), text);
  }
  scene.settle();
  for (const [id, text] of sent) {
    assert.equal(scene.client.stream(id).text, text);
    assert.ok(scene.client.stream(id).ended);
  }
  assert.equal(scene.tally.get("quic_modeb_streams_total"), 1000);
  assert.equal(scene.tally.get("quic_modeb_streams_active"), 0);
  scene.client.link.close(0, "");
  scene.assertOver();
});
