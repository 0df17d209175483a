import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GET, POST } from "../../../test/support/h2-dsl.ts";
import { requestHead } from "../../../test/support/h2-endpoint.ts";
import * as h3 from "../../../test/support/h3-dsl.ts";
import { H3Endpoint, type H3EndpointOptions } from "../../../test/support/h3-endpoint.ts";

const DYNAMIC: H3EndpointOptions = {
  limits: { qpackTableBytes: 4096, qpackBlockedStreams: 2, maxUnconsumedBytes: 6 },
};

/** Capacity 220, as of RFC 9204 appendix B.2, and then an entry `x-late: value`. */
const CAPACITY = Buffer.from("3fbd01", "hex");
const ENTRY = Buffer.concat([Buffer.of(0x46), Buffer.from("x-late"), Buffer.of(5), Buffer.from("value")]);

/** A section that refers to that entry, and has other fields as literals. Insert count 1, base 1. */
function waitingFor(fields: typeof GET): Buffer {
  const literals = h3.section(fields).subarray(2);
  return h3.frame(0x1, Buffer.concat([Buffer.of(2, 0), literals, Buffer.of(0x80)]));
}

function server(): H3Endpoint {
  const endpoint = H3Endpoint.settled(DYNAMIC);
  endpoint.receive(6, h3.stream(2, CAPACITY));
  endpoint.lines();
  return endpoint;
}

describe("a stream whose section refers to what has not come", () => {
  it("waits with all that follows, while QUIC is paused, and then goes on", () => {
    const endpoint = server();
    endpoint.receive(0, Buffer.concat([waitingFor(POST), h3.data("abc")]));
    endpoint.receive(0, h3.data("def"));
    assert.deepEqual(endpoint.events(), []);
    assert.deepEqual(endpoint.lines(), ["0 pause"]);
    endpoint.message(4, h3.headers(GET));
    assert.deepEqual(endpoint.events(), ["4 request GET example.com/ ended", "4 end"]);
    for (const octet of ENTRY) endpoint.receive(6, Buffer.of(octet));
    assert.deepEqual(endpoint.events(), ["0 request POST example.com/", "0 data abcdef"]);
    assert.deepEqual(endpoint.owner.heads.get(0)?.fields.toArray(), [["x-late", "value"]]);
    // Section Acknowledgment of stream 0 on the decoder stream.
    assert.ok(endpoint.lines().includes("0 resume"));
    endpoint.message(0);
    assert.deepEqual(endpoint.events(), ["0 end"]);
  });

  it("may have come whole, end included, and cut", () => {
    const frame = waitingFor(GET);
    for (const cut of [0, 1, 5, frame.length - 1]) {
      const endpoint = server();
      endpoint.receive(0, frame.subarray(0, cut));
      endpoint.message(0, frame.subarray(cut));
      endpoint.receive(6, ENTRY);
      assert.deepEqual(endpoint.events(), ["0 request GET example.com/ ended", "0 end"]);
    }
  });

  it("may have its end come while it waits", () => {
    const endpoint = server();
    endpoint.receive(0, waitingFor(POST));
    endpoint.message(0, h3.data("abc"));
    endpoint.receive(6, ENTRY);
    assert.deepEqual(endpoint.events(), ["0 request POST example.com/", "0 data abc", "0 end"]);
  });

  it("may wait for its trailers", () => {
    const endpoint = server();
    endpoint.message(0, h3.headers(POST), h3.data("abc"), waitingFor([]));
    assert.deepEqual(endpoint.events(), ["0 request POST example.com/", "0 data abc"]);
    endpoint.receive(6, ENTRY);
    assert.deepEqual(endpoint.events(), ["0 end x-late=value"]);
  });

  it("may be reset, too slow, or closed, and says so to the peer's encoder", () => {
    const endings: readonly ((endpoint: H3Endpoint) => void)[] = [
      (endpoint) => endpoint.connection.streamReset(0, 0x10c),
      (endpoint) => assert.equal(endpoint.connection.endSlowHeads(Infinity), 1),
      (endpoint) => endpoint.connection.closed("gone"),
    ];
    for (const [i, end] of endings.entries()) {
      const endpoint = server();
      endpoint.message(0, waitingFor(GET));
      assert.equal(endpoint.connection.partialSinceMs, 1000);
      end(endpoint);
      assert.equal(endpoint.events().length, 1);
      // Stream Cancellation of stream 0.
      if (i < 2) assert.ok(endpoint.lines().includes("11 40"));
      endpoint.receive(6, ENTRY);
      assert.deepEqual(endpoint.events(), []);
      assert.equal(endpoint.connection.streamCount, 0);
    }
  });

  it("stays paused while its owner has not passed on what came", () => {
    const endpoint = server();
    endpoint.receive(0, Buffer.concat([h3.headers(POST), h3.data("abcdefg"), waitingFor([])]));
    assert.deepEqual(endpoint.lines(), ["0 pause", "0 pause"]);
    const stream = endpoint.stream(0);
    endpoint.receive(6, ENTRY);
    assert.ok(!endpoint.lines().includes("0 resume"));
    endpoint.connection.consumed(stream, 7);
    assert.deepEqual(endpoint.lines(), ["0 resume"]);
  });

  it("is not gone on with because its owner has passed on what came", () => {
    const endpoint = server();
    endpoint.receive(0, Buffer.concat([h3.headers(POST), h3.data("abcdefg"), waitingFor([])]));
    endpoint.connection.consumed(endpoint.stream(0), 7);
    assert.deepEqual(endpoint.lines(), ["0 pause", "0 pause"]);
    endpoint.receive(6, ENTRY);
    assert.ok(endpoint.lines().includes("0 resume"));
  });

  it("is one of as many as we have announced", () => {
    const endpoint = server();
    for (const id of [0, 4]) endpoint.receive(id, waitingFor(GET));
    assert.equal(endpoint.connection.open, true);
    endpoint.receive(8, waitingFor(GET));
    assert.ok(endpoint.lines().at(-1)?.startsWith("close QPACK_DECOMPRESSION_FAILED"));
    assert.ok(endpoint.events().at(-1)?.startsWith("failed QPACK_DECOMPRESSION_FAILED"));
  });
});

describe("a client with a dynamic table", () => {
  it("has its responses wait as well", () => {
    const client = H3Endpoint.settled({ ...DYNAMIC, role: "client" });
    client.receive(7, h3.stream(2, CAPACITY));
    client.connection.openStream(requestHead("GET", "/"), true, {});
    client.message(0, waitingFor([[":status", "200"]]), h3.data("abc"));
    assert.deepEqual(client.events(), []);
    client.receive(7, ENTRY);
    assert.deepEqual(client.events(), ["0 response 200", "0 data abc", "0 end", "0 closed"]);
  });

  it("compresses what repeats, when both allow it", () => {
    const client = new H3Endpoint({ role: "client", limits: { qpackEncoderTableBytes: 4096 } });
    client.receive(3, h3.stream(0, h3.settings([1, 4096], [7, 16])));
    const sizes: number[] = [];
    for (let i = 0; i < 4; i++) {
      const head = requestHead("GET", "/the/same/path");
      head.fields.addNamed("X-Repeats", "the same value each time");
      client.connection.openStream(head, true, {});
      client.connection.flush();
      sizes.push(client.quic.writes.findLast(({ id }) => id === 4 * i)?.bytes.length ?? 0);
    }
    assert.ok((sizes[3] as number) < (sizes[0] as number) / 2, sizes.join());
    assert.ok(
      client.quic.writes.some(({ id }) => id === 6),
      "instructions go out on the encoder stream",
    );
  });
});
