import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GET, POST } from "../../../test/support/h2-dsl.ts";
import { requestHead, responseHead } from "../../../test/support/h2-endpoint.ts";
import * as h3 from "../../../test/support/h3-dsl.ts";
import { H3Endpoint, type H3EndpointOptions } from "../../../test/support/h3-endpoint.ts";

const CLIENT: H3EndpointOptions = { role: "client" };
const ROLES: readonly H3EndpointOptions[] = [{}, CLIENT];
const READ_BYTES = 65_536;

/** Does a thing until the connection fails; returns how often it could be done. */
function until(endpoint: H3Endpoint, most: number, act: (n: number) => void): number {
  for (let n = 0; n < most; n++) {
    if (!endpoint.connection.open) return n;
    act(n);
  }
  return most;
}

function checkTripped(endpoint: H3Endpoint, budget: string): void {
  assert.ok(endpoint.lines().at(-1)?.startsWith("close H3_EXCESSIVE_LOAD: "));
  assert.ok(endpoint.events().at(-1)?.endsWith(`[${budget}]`));
}

/** Memory outside of the heap that is in use now, garbage of the test's own included. */
function memoryBytes(): number {
  return process.memoryUsage().arrayBuffers;
}

describe("a budget ends the connection when it is overdrawn", () => {
  it("requests that are begun and cancelled", () => {
    for (const how of ["reset", "stopped"] as const) {
      const server = H3Endpoint.settled();
      const done = until(server, 1000, (n) => {
        server.message(4 * n, h3.headers(GET));
        if (how === "reset") server.receive(4 * n, Buffer.alloc(0));
        server.connection.streamStopped(4 * n, 0x10c);
      });
      assert.ok(done > 90 && done < 110, `${done}`);
      checkTripped(server, "resets");
    }
  });

  it("requests that are malformed", () => {
    const server = H3Endpoint.settled();
    assert.ok(until(server, 1000, (n) => server.message(4 * n, h3.headers(GET.slice(1)))) < 110);
    checkTripped(server, "resets");
  });

  it("streams that are reset before anything comes", () => {
    const server = H3Endpoint.settled();
    assert.ok(until(server, 5000, (n) => server.connection.streamReset(4 * n, 0x10c)) < 1100);
    checkTripped(server, "closed_streams");
  });

  it("frames of the control stream", () => {
    for (const frame of [h3.frame(0xd, h3.varint(1)), h3.goAway(0)]) {
      const server = H3Endpoint.settled();
      assert.ok(until(server, 1000, () => server.receiveControl(frame)) < 110);
      checkTripped(server, "settings");
    }
  });

  it("PRIORITY_UPDATE for a million streams", () => {
    const server = H3Endpoint.settled();
    assert.ok(until(server, 1_000_000, (n) => server.receiveControl(h3.priorityUpdate(4 * n, "u=1"))) < 600);
    checkTripped(server, "priority");
  });

  it("frames of unknown types, on either kind of stream, and DATA without octets", () => {
    for (const options of ROLES) {
      const control = H3Endpoint.settled(options);
      assert.ok(until(control, 1000, () => control.receiveControl(h3.frame(0x21))) < 110);
      checkTripped(control, "empty_frames");
      for (const frame of [h3.frame(0x21), h3.data("")]) {
        const endpoint = H3Endpoint.settled(options);
        if (options === CLIENT) {
          endpoint.connection.openStream(requestHead("GET", "/"), true, {});
          endpoint.receive(0, h3.headers([[":status", "200"]]));
        } else endpoint.receive(0, h3.headers(POST));
        assert.ok(until(endpoint, 1000, () => endpoint.receive(0, frame)) < 110);
        checkTripped(endpoint, "empty_frames");
      }
    }
  });

  it("streams of unknown types, and such as have none", () => {
    for (const options of ROLES) {
      const unknown = H3Endpoint.settled(options);
      const first = unknown.control + 4;
      assert.ok(until(unknown, 1000, (n) => unknown.receive(first + 4 * n, h3.stream(0x21))) < 110);
      checkTripped(unknown, "empty_frames");
      const ended = H3Endpoint.settled(options);
      assert.ok(until(ended, 1000, (n) => ended.message(first + 4 * n)) < 110);
      checkTripped(ended, "empty_frames");
      const untyped = H3Endpoint.settled(options);
      assert.ok(until(untyped, 1000, (n) => untyped.receive(first + 4 * n, Buffer.of(0x40))) < 20);
      checkTripped(untyped, "empty_frames");
    }
  });
});

describe("honest work is not abuse", () => {
  it("a client that cancels half of what it asks for", () => {
    const server = H3Endpoint.settled();
    for (let n = 0; n < 2000; n += 2) {
      server.message(4 * n, h3.headers(GET));
      server.connection.sendHead(server.stream(4 * n), responseHead(204, 0), true);
      server.connection.sendEnd(server.stream(4 * n), null);
      server.message(4 * n + 4, h3.headers(GET));
      server.connection.streamStopped(4 * n + 4, 0x10c);
    }
    assert.equal(server.connection.open, true);
  });

  it("a type that comes in two reads, on any number of streams", () => {
    const server = H3Endpoint.settled();
    for (let n = 1; n <= 50; n++)
      for (const octet of [0x40, 0x21]) server.receive(2 + 4 * n, Buffer.of(octet));
    assert.equal(server.connection.open, true);
  });

  it("time gives back", () => {
    const server = H3Endpoint.settled();
    for (let n = 0; n < 300; n++) {
      server.clock.nowMs += 200;
      server.message(4 * n, h3.headers(GET));
      server.connection.streamStopped(4 * n, 0x10c);
      server.receiveControl(h3.frame(0x21));
    }
    assert.equal(server.connection.open, true);
  });
});

describe("memory is bounded", () => {
  it("by what comes, not by what is announced", () => {
    const before = memoryBytes();
    const server = H3Endpoint.settled({ limits: { maxPeerResets: 1000 } });
    const begun = Buffer.concat([h3.varint(1), h3.varint(1_000_000), Buffer.alloc(10)]);
    for (let n = 0; n < 256; n++) server.receive(4 * n, begun);
    assert.equal(server.connection.streamCount, 256);
    assert.ok(memoryBytes() - before < 256 * 4096 + 1024 * 1024, `${memoryBytes() - before}`);
  });

  it("while frames of 100 MB go by that mean nothing", () => {
    const read = Buffer.alloc(READ_BYTES);
    for (const isControl of [true, false]) {
      const server = H3Endpoint.settled();
      const id = isControl ? server.control : 0;
      const before = memoryBytes();
      server.receive(id, Buffer.concat([h3.varint(0x21), h3.varint(100_000_000)]));
      let left = 100_000_000;
      for (; left > READ_BYTES; left -= READ_BYTES)
        server.connection.streamData(id, read, 0, READ_BYTES, false);
      server.connection.streamData(id, read, 0, left, false);
      assert.ok(memoryBytes() - before < 1024 * 1024, `${memoryBytes() - before}`);
      if (!isControl) server.message(0, h3.headers(GET));
      assert.deepEqual(server.events(), isControl ? [] : ["0 request GET example.com/ ended", "0 end"]);
    }
  });

  it("while streams are blocked: a section and a read for each of those that we allow", () => {
    const server = H3Endpoint.settled({ limits: { qpackTableBytes: 4096, qpackBlockedStreams: 8 } });
    server.receive(6, h3.stream(2, Buffer.from("3fbd01", "hex")));
    const blocked = h3.frame(
      0x1,
      Buffer.concat([Buffer.of(2, 0), h3.section(POST).subarray(2), Buffer.of(0x80)]),
    );
    const before = memoryBytes();
    const read = Buffer.concat([blocked, h3.data(Buffer.alloc(READ_BYTES))]);
    for (let n = 0; n < 8; n++) server.receive(4 * n, read);
    const { lines } = server.quic;
    assert.equal(lines.filter((line) => line.endsWith(" pause")).length, 8);
    assert.ok(memoryBytes() - before < 8 * 3 * READ_BYTES, `${memoryBytes() - before}`);
  });

  it("by the send buffers of streams whose peer takes nothing", () => {
    const server = H3Endpoint.settled({ limits: { maxSendBufferBytes: 32_768 } });
    const part = Buffer.alloc(8192);
    const { connection, quic } = server;
    for (let n = 0; n < 100; n++) {
      quic.room.set(4 * n, 0);
      server.message(4 * n, h3.headers(GET));
      const stream = server.stream(4 * n);
      connection.sendHead(stream, responseHead(200, -1), false);
      for (let parts = 0; parts < 100 && connection.sendData(stream, part, 0, part.length); parts++)
        connection.flush();
    }
    connection.flush();
    assert.ok(connection.queuedBytes > 100 * 20_000 && connection.queuedBytes < 100 * 42_000);
    connection.closed("gone");
    assert.equal(connection.queuedBytes, 0);
  });
});
