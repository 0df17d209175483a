import assert from "node:assert/strict";
import { test } from "node:test";
import { headers as h3Headers } from "../../../test/support/h3-dsl.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { data, h2Backends } from "../../../test/support/memory-h2.ts";
import { MemoryH2Client } from "../../../test/support/memory-h2-client.ts";
import { assertCleanH3, MemoryH3Client } from "../../../test/support/memory-h3-client.ts";
import { assertClean } from "../../../test/support/memory-http.ts";
import { switching, WebSocketEnd } from "../../../test/support/memory-websocket.ts";
import { type Cell, CELLS, extendedConnect, openCell } from "../../../test/support/websocket-cells.ts";
import { BINARY, clientFrame, CLOSE, closePayload, frame, PING } from "../../../test/support/ws-frames.ts";

/** Both were told this; they answer, and end their directions, the server first. */
function answer({ client, backend }: Cell, close: string): void {
  assert.equal(client.closed, close);
  assert.equal(backend.closed, close);
  const payload = closePayload(Number(close.split(" ")[0]));
  backend.send(frame({ opcode: CLOSE, payload }));
  backend.end();
  client.send(clientFrame({ opcode: CLOSE, payload }));
  assert.equal(client.ending, "fin");
  client.end();
  assert.equal(backend.ending, "fin");
}

for (const [front, back] of CELLS) {
  const cell = `${front} to ${back}: `;

  test(`${cell}frames pass both ways, and a closing handshake ends in a clean end`, () => {
    const tunnel = openCell(front, back);
    const { gateway, client, backend } = tunnel;
    const up = [
      clientFrame({ payload: "hello" }),
      clientFrame({ opcode: BINARY, payload: Buffer.alloc(9000, 7) }),
    ];
    for (const bytes of up) client.send(bytes);
    assert.deepEqual(backend.bytes, Buffer.concat(up));
    const down = [frame({ payload: "hi" }), frame({ rsv: 4, payload: "x".repeat(300) })];
    for (const bytes of down) backend.send(bytes);
    assert.deepEqual(client.bytes, Buffer.concat(down));
    client.send(clientFrame({ opcode: CLOSE, payload: closePayload(1000) }));
    backend.send(frame({ opcode: CLOSE, payload: closePayload(1000) }));
    backend.end();
    assert.equal(client.ending, "fin");
    client.end();
    assert.deepEqual([client.closed, backend.closed], ["1000", "1000"]);
    // What the client was sent: 101 over HTTP/1.1, 200 over HTTP/2.
    assert.deepEqual(gateway.finished, front === "h1" ? { "1xx": 1 } : { "2xx": 1 });
    assert.deepEqual(gateway.allFaults, {});
    assert.equal(gateway.global("websocket_tunnels"), 0);
    tunnel.hangUp();
    assertClean(gateway);
  });

  test(`${cell}limits are told to both sides`, () => {
    const limits = { idleTimeoutMs: 20_000, maxMessageBytes: 100, pingsPerWindow: 2 };
    const breaches: readonly (readonly [(tunnel: Cell) => void, string])[] = [
      [({ gateway }) => gateway.advance(20_100), "1001 idle"],
      [({ client }) => client.send(clientFrame({ payload: "x".repeat(101) })), "1009 message too big"],
      [({ backend }) => backend.send(frame({ payload: "x".repeat(101) })), "1009 message too big"],
      [({ client }) => client.send(frame({ payload: "no mask" })), "1002 protocol error"],
      [
        ({ client }) =>
          client.send(Buffer.concat(Array.from({ length: 3 }, () => clientFrame({ opcode: PING })))),
        "1008 too many pings",
      ],
    ];
    for (const [breach, close] of breaches) {
      const tunnel = openCell(front, back, { websocket: limits });
      breach(tunnel);
      answer(tunnel, close);
      assert.equal(tunnel.gateway.global("websocket_tunnels"), 0);
      tunnel.hangUp();
      assertClean(tunnel.gateway);
    }
  });

  test(`${cell}an end is passed on as an end, and the other direction goes on`, () => {
    const tunnel = openCell(front, back);
    const { gateway, client, backend } = tunnel;
    client.end();
    assert.equal(backend.ending, "fin");
    backend.send(frame({ payload: "still" }));
    assert.deepEqual(client.messages, ["still"]);
    backend.end();
    assert.equal(client.ending, "fin");
    assert.deepEqual(gateway.allFaults, {});
    tunnel.hangUp();
    assertClean(gateway);
  });

  test(`${cell}a reset is passed on as a reset, inside a frame or not`, () => {
    for (const broken of ["client", "backend"] as const) {
      const tunnel = openCell(front, back);
      const { gateway, client, backend } = tunnel;
      const [from, to] = broken === "client" ? [client, backend] : [backend, client];
      from.send((broken === "client" ? clientFrame : frame)({ payload: "half a frame" }).subarray(0, 9));
      from.reset();
      assert.equal(to.ending, "reset");
      assert.equal(gateway.global("websocket_tunnels"), 0);
      tunnel.hangUp();
      assertClean(gateway);
    }
  });

  test(`${cell}a drain tells both 1001, and so does a stop`, async () => {
    const draining = openCell(front, back);
    await draining.drain();
    draining.gateway.advance(1100);
    answer(draining, "1001 shutting down");
    draining.hangUp();
    assertClean(draining.gateway);
    const stopping = openCell(front, back);
    stopping.stop();
    assert.equal(stopping.client.closed, "1001 shutting down");
    assert.equal(stopping.backend.closed, "1001 shutting down");
    assert.deepEqual(stopping.gateway.gauges, {});
  });
}

test("extended CONNECT that is not right is refused before any backend is asked", () => {
  const cases: readonly (readonly [Buffer, string])[] = [
    [extendedConnect([":protocol", "chat"]), "501 protocol not implemented"],
    [extendedConnect(["sec-websocket-version", "8"]), "400 bad request"],
    [extendedConnect([":path", null]), "400 bad request"],
    [extendedConnect([":scheme", null]), "400 bad request"],
    [extendedConnect(["connection", "upgrade"]), "reset 1"],
    [extendedConnect(["upgrade", "websocket"]), "reset 1"],
  ];
  for (const [request, told] of cases) {
    const gateway = new MemoryGateway();
    const client = new MemoryH2Client(gateway);
    client.send(request);
    assert.equal(client.told(), told, request.toString("latin1"));
    assert.equal(gateway.transport.dials.length, 0);
    client.peer.fail("ECONNRESET");
    assertClean(gateway);
  }
});

test("it is not announced where it is off, and one that comes nevertheless is malformed", () => {
  for (const websocket of [{ h2ExtendedConnect: false }, { enabled: false }]) {
    const gateway = new MemoryGateway({ websocket });
    const client = new MemoryH2Client(gateway);
    client.send(extendedConnect());
    assert.match(client.told(), /^(?:reset 1|501 )/);
    assert.equal(gateway.transport.dials.length, 0);
    client.peer.fail("ECONNRESET");
    assertClean(gateway);
  }
});

test("over HTTP/3, what is off or unknown is answered with 501", () => {
  const cases = [
    [{ h3ExtendedConnect: false }, "websocket"],
    [{ enabled: false }, "websocket"],
    [{}, "webtransport"],
  ] as const;
  for (const [websocket, protocol] of cases) {
    const gateway = new MemoryGateway({ websocket });
    const client = new MemoryH3Client(gateway);
    assert.equal(
      client.connection.peerConnectProtocol,
      !("enabled" in websocket || "h3ExtendedConnect" in websocket),
    );
    const stream = client.raw(
      h3Headers([
        [":method", "CONNECT"],
        [":protocol", protocol],
        [":scheme", "https"],
        [":authority", "app.example"],
        [":path", "/chat"],
        ["sec-websocket-version", "13"],
      ]),
    );
    assert.deepEqual(gateway.allFaults, { upgrade_refused: 1 });
    assert.deepEqual(gateway.finished, { "5xx": 1 });
    assert.equal(client.stops.get(stream), 0x100);
    assert.equal(gateway.transport.dials.length, 0);
    client.link.reset(stream, 0x100);
    assertCleanH3(gateway, client);
  }
});

test("a backend on HTTP/2 that does not take extended CONNECT is not asked", () => {
  const gateway = new MemoryGateway({ services: { app: ["h2://10.0.0.1:80"] } });
  const backends = h2Backends(gateway);
  const client = new MemoryH2Client(gateway);
  client.send(extendedConnect());
  assert.equal(client.told().slice(0, 3), "502");
  assert.equal(backends[0]?.read().requests.length, 0);
  client.peer.fail("ECONNRESET");
  assertClean(gateway);
});

test("a tunnel that opens on a connection which drains is told to leave like the others", async () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.send(extendedConnect());
  await gateway.socket.drain();
  gateway.advance(500);
  const backend = gateway.backend();
  backend.send(switching(backend.take()));
  assert.equal(client.response().status, 200);
  gateway.advance(600);
  const told = new WebSocketEnd(backend);
  assert.equal(told.closed, "1001 shutting down");
  client.peer.fail("ECONNRESET");
  assertClean(gateway);
});

test("what a client on HTTP/2 sends before it has its answer waits for the tunnel", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  const early = clientFrame({ payload: "early" });
  client.send(extendedConnect(), data(1, early));
  const backend = gateway.backend();
  const request = backend.take();
  assert.ok(request.endsWith("\r\n\r\n"));
  backend.send(switching(request));
  assert.deepEqual(backend.bytes, early);
  client.peer.fail("ECONNRESET");
  assertClean(gateway);
});
