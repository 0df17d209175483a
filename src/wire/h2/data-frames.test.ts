import assert from "node:assert/strict";
import { test } from "node:test";
import * as h2 from "../../../test/support/h2-dsl.ts";
import { type EndpointOptions, H2Endpoint, requestHead } from "../../../test/support/h2-endpoint.ts";

/** A server with two uploads under way whose octets are not passed on. */
function holding(options: EndpointOptions = {}): H2Endpoint {
  const server = H2Endpoint.settled(options);
  server.owner.hold = true;
  server.receive(h2.SETTINGS_ACK, h2.headers(1, h2.POST), h2.headers(3, h2.POST));
  server.events();
  return server;
}

const PART = "x".repeat(10_000);

test("windows open again as octets are passed on, in halves", () => {
  const limits = { streamWindowBytes: 40_000, connectionWindowBytes: 100_000 };
  const server = holding({ limits });
  for (let i = 0; i < 4; i++) server.receive(h2.data(1, PART));
  for (let i = 0; i < 4; i++) server.receive(h2.data(3, PART));
  assert.deepEqual(server.frames(), []);
  server.connection.consumed(server.stream(1), 19_999);
  assert.deepEqual(server.frames(), []);
  server.connection.consumed(server.stream(1), 1);
  assert.deepEqual(server.frames(), ["WINDOW_UPDATE 1 +20000"]);
  server.connection.consumed(server.stream(3), 40_000);
  assert.deepEqual(server.frames(), ["WINDOW_UPDATE 3 +40000", "WINDOW_UPDATE 0 +60000"]);
});

test("padding is given back by itself", () => {
  const server = holding({ limits: { streamWindowBytes: 1000 } });
  for (let i = 0; i < 5; i++) server.receive(h2.data(1, "x", { pad: 99 }));
  assert.deepEqual(server.frames(), ["WINDOW_UPDATE 1 +500"]);
});

test("more than the stream's window is the stream's error", () => {
  const server = holding({ limits: { streamWindowBytes: 10_000 } });
  server.receive(h2.data(1, PART));
  server.receive(h2.data(1, "x"));
  assert.deepEqual(server.frames(), ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
  assert.equal(
    server.events().at(-1),
    "1 error local FLOW_CONTROL_ERROR: more DATA than the stream's window",
  );
});

test("more than the connection's window ends the connection", () => {
  const server = holding({ limits: { connectionWindowBytes: 65_535 } });
  for (let i = 0; i < 3; i++) server.receive(h2.data(1, PART), h2.data(3, PART));
  server.receive(h2.data(1, PART));
  assert.deepEqual(server.frames(), ["GO_AWAY 0 3 FLOW_CONTROL_ERROR"]);
});

test("a smaller window than the RFC's holds from the acknowledgement on", () => {
  const server = H2Endpoint.settled({ limits: { streamWindowBytes: 1000 } });
  server.owner.hold = true;
  server.receive(h2.headers(1, h2.POST), h2.data(1, PART), h2.data(1, PART));
  assert.deepEqual(server.frames(), []);
  server.receive(h2.SETTINGS_ACK);
  server.connection.consumed(server.stream(1), 20_000);
  assert.deepEqual(server.frames(), ["WINDOW_UPDATE 1 +20000"]);
  server.receive(h2.data(1, "x".repeat(1000)));
  assert.deepEqual(server.frames(), []);
  server.receive(h2.data(1, "x"));
  assert.deepEqual(server.frames(), ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
});

test("what a stream held of the connection's window is free when the stream is over, however it ends", () => {
  const ends: ((server: H2Endpoint) => void)[] = [
    (server) => server.receive(h2.rstStream(1, 8)),
    (server) => server.connection.reset(server.stream(1), 8),
    (server) => server.receive(h2.data(1, "", { end: true }), h2.headers(1, [["a", "b"]], { end: true })),
  ];
  for (const end of ends) {
    const server = holding({ limits: { connectionWindowBytes: 80_000 } });
    for (let i = 0; i < 4; i++) server.receive(h2.data(1, PART));
    end(server);
    assert.ok(server.frames().includes("WINDOW_UPDATE 0 +40000"));
    server.connection.consumed(server.stream(1), 40_000);
    assert.deepEqual(server.frames(), []);
  }
});

test("DATA on streams that we have reset is counted for the connection, and given back", () => {
  const server = holding({ limits: { connectionWindowBytes: 80_000 } });
  server.connection.reset(server.stream(1), 8);
  for (let i = 0; i < 40; i++) server.receive(h2.data(1, PART));
  assert.equal(server.connection.open, true);
  const grown = server.frames().filter((line) => line === "WINDOW_UPDATE 0 +40000");
  assert.equal(grown.length, 10);
});

test("no stream is told of room that it does not need any more", () => {
  const server = holding();
  server.receive(h2.data(1, PART), h2.data(1, PART), h2.data(1, PART), h2.data(1, PART, { end: true }));
  server.connection.consumed(server.stream(1), 40_000);
  assert.deepEqual(server.frames(), []);
});

test("DATA in front of a response's head is the stream's error", () => {
  const client = H2Endpoint.settled({ role: "client" });
  client.connection.openStream(requestHead("GET", "/"), true, {});
  client.receive(h2.data(1, "x"));
  assert.deepEqual(client.events(), ["1 error local PROTOCOL_ERROR: DATA in front of a head"]);
});
