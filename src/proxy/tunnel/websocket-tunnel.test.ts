import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean } from "../../../test/support/memory-http.ts";
import type { PlanSpec } from "../../../test/support/memory-plan.ts";
import {
  openWebSocket,
  type OpenTunnel,
  switching,
  upgrade,
} from "../../../test/support/memory-websocket.ts";
import {
  BINARY,
  clientFrame,
  CLOSE,
  closePayload,
  frame,
  MASK,
  PING,
  PONG,
  readFrames,
} from "../../../test/support/ws-frames.ts";

function start(spec: PlanSpec = {}): OpenTunnel & { gateway: MemoryGateway } {
  const gateway = new MemoryGateway(spec);
  return { gateway, ...openWebSocket(gateway) };
}

/** Both ends were told this, answer it, and leave as RFC 6455 wants it: the server first. */
function leave({ client, backend }: OpenTunnel, close: string): void {
  assert.equal(client.closed, close);
  assert.equal(backend.closed, close);
  const payload = closePayload(Number(close.split(" ")[0]));
  backend.peer.send(frame({ opcode: CLOSE, payload }));
  backend.peer.end();
  client.peer.send(clientFrame({ opcode: CLOSE, payload }));
  assert.equal(client.peer.ending, "fin", "the gateway ends first");
  client.peer.end();
  assert.equal(client.peer.ending, "closed");
  assert.equal(backend.peer.ending, "closed");
}

test("frames pass both ways untouched, however they are split", () => {
  const { gateway, client, backend } = start();
  const up = [
    clientFrame({ payload: "hello" }),
    clientFrame({ fin: false, rsv: 4, payload: "compressed" }),
    clientFrame({ opcode: PING, payload: "p" }),
    clientFrame({ opcode: 0, payload: "x".repeat(70_000) }),
    clientFrame({ opcode: BINARY, payload: Buffer.from([0xff]), mask: 0 }),
  ];
  const down = [
    frame({ payload: "hi" }),
    frame({ opcode: PONG, payload: "p" }),
    frame({ payload: "y".repeat(130) }),
  ];
  const all = Buffer.concat(up);
  client.peer.send(all);
  for (const octet of all.subarray(0, 40)) client.peer.send(Buffer.from([octet]));
  client.peer.send(all.subarray(40));
  assert.deepEqual(backend.peer.bytes, Buffer.concat([all, all]));
  backend.peer.send(Buffer.concat(down));
  for (const part of down) for (const octet of part) backend.peer.send(Buffer.from([octet]));
  assert.deepEqual(client.peer.bytes, Buffer.concat([...down, ...down]));
  assert.equal(gateway.global("websocket_tunnels"), 1);
  client.peer.fail("ECONNRESET");
  assert.equal(gateway.global("websocket_tunnels"), 0);
  assertClean(gateway);
});

test("a closing handshake passes, whoever begins it, and leaves a clean end", () => {
  for (const first of ["client", "backend"] as const) {
    const { gateway, client, backend } = start();
    const fromClient = clientFrame({ opcode: CLOSE, payload: closePayload(1000, "bye") });
    const fromBackend = frame({ opcode: CLOSE, payload: closePayload(1000, "bye") });
    if (first === "client") client.peer.send(fromClient);
    backend.peer.send(fromBackend);
    if (first === "backend") client.peer.send(fromClient);
    assert.equal(client.closed, "1000 bye");
    assert.equal(backend.closed, "1000 bye");
    backend.peer.end();
    assert.equal(client.peer.ending, "fin");
    client.peer.end();
    assert.equal(client.peer.ending, "closed");
    assert.equal(backend.peer.ending, "closed");
    assert.deepEqual(gateway.allFaults, {});
    assert.deepEqual(gateway.finished, { "1xx": 1 });
    assertClean(gateway);
  }
});

test("nothing passes behind a Close frame", () => {
  const { gateway, client, backend } = start();
  const close = clientFrame({ opcode: CLOSE, payload: closePayload(1000) });
  client.peer.send(Buffer.concat([close, clientFrame({ payload: "late" }), close]));
  client.peer.send(clientFrame({ opcode: PING }));
  assert.deepEqual(backend.peer.bytes, close);
  backend.peer.send(frame({ payload: "still on its way" }));
  assert.deepEqual(client.messages, ["still on its way"]);
  client.peer.fail("ECONNRESET");
  assertClean(gateway);
});

test("what the client sent behind its handshake waits for the tunnel", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  const early = clientFrame({ payload: "early" });
  client.send(Buffer.concat([Buffer.from(upgrade("/chat")), early.subarray(0, 3)]));
  client.send(early.subarray(3));
  const backend = gateway.backend();
  const request = backend.take();
  assert.ok(request.endsWith("\r\n\r\n"));
  const hello = frame({ payload: "hello" });
  backend.send(Buffer.concat([Buffer.from(switching(request)), hello]));
  assert.deepEqual(backend.bytes, early);
  assert.ok(client.bytes.subarray(-hello.length).equals(hello));
  client.fail("ECONNRESET");
  assertClean(gateway);
});

test("a message over the limit ends both with 1009, and what came before it has passed", () => {
  const { gateway, client, backend } = start({ websocket: { maxMessageBytes: 1000 } });
  client.peer.send(
    Buffer.concat([
      clientFrame({ payload: "fits" }),
      clientFrame({ fin: false, payload: "x".repeat(600) }),
      clientFrame({ opcode: 0, payload: "x".repeat(500) }),
    ]),
  );
  assert.deepEqual(backend.messages, ["fits", "x".repeat(600)]);
  leave({ client, backend }, "1009 message too big");
  assert.deepEqual(gateway.allFaults, { tunnel_message_too_large: 1 });
  assert.equal(gateway.global("websocket_closed_message_size_total"), 1);
  assertClean(gateway);
});

test("a backend is held to the same", () => {
  const { gateway, client, backend } = start({ websocket: { maxMessageBytes: 1000 } });
  backend.peer.send(frame({ payload: "x".repeat(1001) }));
  leave({ client, backend }, "1009 message too big");
  assertClean(gateway);
});

test("lengths beyond any limit, and frames that break the protocol, end both with their code", () => {
  const cases: readonly (readonly [Buffer, string])[] = [
    [clientFrame({ announced: (1n << 63n) - 1n }), "1009 message too big"],
    [clientFrame({ announced: (1n << 53n) + 1n }), "1009 message too big"],
    [clientFrame({ announced: 1n << 63n }), "1002 protocol error"],
    [frame({ payload: "not masked" }), "1002 protocol error"],
    [clientFrame({ opcode: PING, payload: "x".repeat(126) }), "1002 protocol error"],
    [clientFrame({ opcode: PING, fin: false }), "1002 protocol error"],
  ];
  for (const [bytes, close] of cases) {
    const { gateway, client, backend } = start();
    // In pieces, so that the header is held back at first.
    client.peer.send(bytes.subarray(0, 1));
    client.peer.send(bytes.subarray(1));
    assert.deepEqual(backend.messages, []);
    leave({ client, backend }, close);
    assertClean(gateway);
  }
});

test("more Pings than a window allows end both with 1008; a new window, and other frames, do not", () => {
  const limits = { pingsPerWindow: 3, pingWindowMs: 10_000 };
  const { gateway, client, backend } = start({ websocket: limits });
  const ping = clientFrame({ opcode: PING, payload: "p" });
  for (let window = 0; window < 3; window++) {
    for (let i = 0; i < 3; i++) client.peer.send(Buffer.concat([ping, clientFrame({ payload: "x" })]));
    for (let i = 0; i < 9; i++) backend.peer.send(frame({ opcode: PING }));
    gateway.advance(10_000);
  }
  assert.equal(client.closed, undefined);
  assert.equal(backend.messages.length, 18);
  client.peer.send(Buffer.concat([ping, ping, ping, ping, ping]));
  assert.equal(backend.messages.length, 21);
  leave({ client, backend }, "1008 too many pings");
  assert.deepEqual(gateway.allFaults, { tunnel_ping_flood: 1 });
  assert.equal(gateway.global("websocket_closed_ping_rate_total"), 1);
  assertClean(gateway);
});

test("silence ends both with 1001; a frame of either side renews it", () => {
  const { gateway, client, backend } = start({ websocket: { idleTimeoutMs: 20_000 } });
  for (let i = 0; i < 4; i++) {
    gateway.advance(19_000);
    if (i % 2 === 0) client.peer.send(clientFrame({ opcode: PONG }));
    else backend.peer.send(frame({ opcode: PING }));
  }
  gateway.advance(19_900);
  assert.equal(client.closed, undefined);
  gateway.advance(200);
  leave({ client, backend }, "1001 idle");
  assert.deepEqual(gateway.allFaults, { tunnel_idle: 1 });
  assert.equal(gateway.global("websocket_closed_idle_total"), 1);
  assertClean(gateway);
});

test("a frame has to be complete in time; who does not send its rest is told 1008, and who has its beginning is cut", () => {
  const { gateway, client, backend } = start({ websocket: { frameTimeoutMs: 10_000 } });
  const whole = clientFrame({ payload: "x".repeat(100) });
  gateway.advance(25_000);
  client.peer.send(whole.subarray(0, 50));
  gateway.advance(5000);
  client.peer.send(whole.subarray(50, 60));
  gateway.advance(4900);
  assert.equal(client.closed, undefined);
  gateway.advance(200);
  assert.equal(client.closed, "1008 frame timeout");
  assert.deepEqual(backend.peer.bytes, whole.subarray(0, 60), "no Close frame inside another");
  assert.equal(backend.peer.ending, "open");
  gateway.advance(5100);
  assert.equal(backend.peer.ending, "reset");
  assert.equal(client.peer.ending, "reset");
  assert.deepEqual(gateway.allFaults, { tunnel_frame_timeout: 1 });
  assert.equal(gateway.global("websocket_closed_frame_timeout_total"), 1);
  assertClean(gateway);
});

test("a frame that is completed after all is followed by the Close frame", () => {
  const { gateway, client, backend } = start({ websocket: { frameTimeoutMs: 10_000 } });
  const slow = frame({ payload: "slow" });
  backend.peer.send(slow.subarray(0, 3));
  gateway.advance(10_100);
  assert.equal(backend.closed, "1008 frame timeout");
  assert.deepEqual(client.peer.bytes, slow.subarray(0, 3));
  backend.peer.send(Buffer.concat([slow.subarray(3), frame({ payload: "too late" })]));
  assert.deepEqual(client.messages, ["slow"]);
  leave({ client, backend }, "1008 frame timeout");
  assertClean(gateway);
});

test("a header that is not whole counts as a frame under way, and is not sent", () => {
  const { gateway, client, backend } = start({ websocket: { frameTimeoutMs: 10_000 } });
  client.peer.send(clientFrame({ payload: "x" }).subarray(0, 5));
  gateway.advance(10_100);
  leave({ client, backend }, "1008 frame timeout");
  assertClean(gateway);
});

test("a receiver that takes nothing for so long is no receiver", () => {
  const { gateway, client, backend } = start({ websocket: { frameTimeoutMs: 10_000 } });
  client.peer.stopReading();
  while (!backend.peer.paused) backend.peer.send(frame({ payload: "x".repeat(10_000) }));
  gateway.advance(9900);
  assert.equal(backend.closed, undefined);
  gateway.advance(200);
  assert.equal(backend.closed, "1008 frame timeout");
  gateway.advance(5100);
  assert.equal(client.peer.ending, "reset");
  assertClean(gateway);
});

test("a receiver that takes it in time is one, however often it stops", () => {
  const { gateway, client, backend } = start({ websocket: { frameTimeoutMs: 10_000 } });
  for (let i = 0; i < 5; i++) {
    client.peer.stopReading();
    while (!backend.peer.paused) backend.peer.send(frame({ payload: "x".repeat(10_000) }));
    gateway.advance(9000);
    client.peer.startReading();
    assert.equal(backend.peer.paused, false);
  }
  assert.equal(client.closed, undefined);
  assert.ok(client.peer.maxQueuedBytes <= 128 * 1024);
  client.peer.fail("ECONNRESET");
  assertClean(gateway);
});

test("who does not answer a Close frame of ours is cut", () => {
  const { gateway, client, backend } = start({ websocket: { idleTimeoutMs: 20_000 } });
  gateway.advance(20_100);
  assert.equal(client.closed, "1001 idle");
  client.peer.send(clientFrame({ payload: "I go on" }));
  assert.deepEqual(backend.messages, []);
  gateway.advance(5100);
  assert.equal(client.peer.ending, "reset");
  assert.equal(backend.peer.ending, "reset");
  assertClean(gateway);
});

test("who does not answer the other side's Close frame is cut, but has longer", () => {
  const { gateway, client, backend } = start({ websocket: { idleTimeoutMs: 600_000 } });
  backend.peer.send(frame({ opcode: CLOSE, payload: closePayload(1001) }));
  gateway.advance(25_000);
  client.peer.send(clientFrame({ payload: "first this" }));
  assert.deepEqual(backend.messages, ["first this"]);
  gateway.advance(5100);
  assert.equal(client.peer.ending, "reset");
  assert.equal(backend.peer.ending, "reset");
  assertClean(gateway);
});

test("an end without a Close frame is passed on as an end, an RST as an RST", () => {
  const ends = start();
  ends.client.peer.end();
  assert.equal(ends.backend.peer.ending, "fin");
  ends.backend.peer.send(frame({ payload: "bye" }));
  ends.backend.peer.end();
  assert.deepEqual(ends.client.messages, ["bye"]);
  assert.equal(ends.client.peer.ending, "closed");
  assert.deepEqual(ends.gateway.allFaults, {});
  assertClean(ends.gateway);
  for (const broken of ["client", "backend"] as const) {
    const { gateway, client, backend } = start();
    (broken === "client" ? client : backend).peer.fail("ECONNRESET");
    assert.equal((broken === "client" ? backend : client).peer.ending, "reset");
    assertClean(gateway);
  }
});

test("a client that stays when its server has left is cut", () => {
  const { gateway, client, backend } = start();
  backend.peer.end();
  assert.equal(client.peer.ending, "fin");
  gateway.advance(5100);
  assert.equal(client.peer.ending, "reset");
  assert.equal(backend.peer.ending, "reset");
  assertClean(gateway);
});

test("a drain tells both 1001, spread over its jitter, and whoever is left when it is over", () => {
  const { gateway, client, backend } = start({ listener: { drainJitterMs: 10_000 } });
  void gateway.socket.drain();
  return Promise.resolve().then(() => {
    gateway.advance(5900);
    assert.equal(client.closed, undefined);
    gateway.advance(200);
    leave({ client, backend }, "1001 shutting down");
    assert.equal(gateway.global("websocket_closed_drain_total"), 1);
    assertClean(gateway);
  });
});

test("a stop tells those that are still there", () => {
  const { gateway, client, backend } = start();
  const inside = start();
  inside.backend.peer.send(frame({ payload: "half" }).subarray(0, 4));
  for (const each of [gateway, inside.gateway]) {
    assert.equal(each.socket.abort(), 1);
    each.transport.pump();
    assert.deepEqual(each.allFaults, { drained: 1 });
  }
  assert.equal(client.closed, "1001 shutting down");
  assert.equal(backend.closed, "1001 shutting down");
  assert.equal(inside.backend.closed, "1001 shutting down");
  assert.equal(inside.client.peer.bytes.length, 4, "no Close frame inside another");
  assertClean(gateway);
  assertClean(inside.gateway);
});

test("a reload leaves tunnels open, under the limits that they began with", () => {
  const { gateway, client, backend } = start({ websocket: { maxMessageBytes: 1000 } });
  gateway.reload({ services: { other: ["10.0.0.9:80"] }, websocket: { maxMessageBytes: 1 } });
  client.peer.send(clientFrame({ payload: "x".repeat(1000) }));
  assert.equal(backend.messages.length, 1);
  client.peer.send(clientFrame({ payload: "x".repeat(1001) }));
  leave({ client, backend }, "1009 message too big");
  assertClean(gateway);
});

test("whatever both sides do, it comes to an end, nothing is left of it, and nothing follows a Close frame", () => {
  const step = fc.record({
    from: fc.constantFrom("client" as const, "backend" as const),
    action: fc.constantFrom(
      "frame",
      "frame",
      "frame",
      "part",
      "close",
      "ping",
      "bad",
      "fin",
      "reset",
      "wait",
      "stop",
      "read",
    ),
    size: fc.integer({ min: 0, max: 3000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const { gateway, client, backend } = start({
        websocket: { maxMessageBytes: 2500, pingsPerWindow: 3, frameTimeoutMs: 2000, idleTimeoutMs: 4000 },
      });
      for (const { from, action, size } of steps) {
        const { peer } = from === "client" ? client : backend;
        const mask = from === "client" ? { mask: MASK } : {};
        switch (action) {
          case "frame":
            peer.send(frame({ payload: "x".repeat(size), ...mask }));
            break;
          case "part":
            peer.send(frame({ payload: "x".repeat(size), ...mask }).subarray(0, 1 + size / 2));
            break;
          case "close":
            peer.send(frame({ opcode: CLOSE, payload: closePayload(1000), ...mask }));
            break;
          case "ping":
            peer.send(frame({ opcode: PING, ...mask }));
            break;
          case "bad":
            peer.send(frame({ opcode: PING, fin: false, ...mask }));
            break;
          case "fin":
            peer.end();
            break;
          case "reset":
            peer.fail("ECONNRESET");
            break;
          case "wait":
            gateway.advance(size);
            break;
          case "stop":
            peer.stopReading();
            break;
          case "read":
            peer.startReading();
            break;
        }
      }
      gateway.advance(120_000);
      for (const { peer } of [client, backend]) {
        assert.ok(peer.ending === "closed" || peer.ending === "reset");
        const { frames, rest } = readFrames(peer.bytes);
        const close = frames.findIndex(({ opcode }) => opcode === CLOSE);
        if (close !== -1) assert.deepEqual([close, rest.length], [frames.length - 1, 0]);
      }
      assert.equal(gateway.global("websocket_tunnels"), 0);
      assertClean(gateway);
    }),
    { numRuns: 300 },
  );
});
