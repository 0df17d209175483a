import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Script } from "../../../test/support/h2-link.ts";
import { H3Link, type H3Side, type H3SideOwner, type H3World } from "../../../test/support/h3-link.ts";

const MAX_BODY_BYTES = 60_000;

const script: fc.Arbitrary<Script> = fc.record({
  requestBytes: fc.oneof(fc.constant(0), fc.nat({ max: MAX_BODY_BYTES })),
  responseBytes: fc.oneof(fc.constant(0), fc.nat({ max: MAX_BODY_BYTES })),
  partBytes: fc.constantFrom(700, 5000, 16_384, 40_000),
  announced: fc.boolean(),
  trailers: fc.boolean(),
  resetBy: fc.constantFrom("nobody", "nobody", "nobody", "client", "server"),
  resetAfterBytes: fc.nat({ max: 20_000 }),
  priority: fc.constantFrom("", "u=0", "u=6", "u=3, i"),
});

const world: fc.Arbitrary<H3World> = fc.record({
  scripts: fc.array(script, { minLength: 1, maxLength: 12 }),
  limits: fc.record({
    maxConcurrentStreams: fc.integer({ min: 10, max: 20 }),
    maxSendBufferBytes: fc.integer({ min: 1, max: 60_000 }),
    qpackTableBytes: fc.constantFrom(0, 300, 4096),
    qpackBlockedStreams: fc.constantFrom(0, 1, 16),
    qpackEncoderTableBytes: fc.constantFrom(0, 4096),
  }),
  streams: fc.integer({ min: 1, max: 10 }),
  seed: fc.nat(),
});

function checkOver(other: H3SideOwner, side: H3Side, expectedBytes: number): void {
  assert.equal(side.over + (side.reset ? 1 : 0), 1, "one last call, or a reset of one's own");
  const otherSide = other.sides.get(side.stream.id);
  if (side.reset || side.error !== "" || otherSide === undefined || otherSide.reset) {
    assert.ok(side.receivedBytes <= expectedBytes);
    assert.ok(side.script.resetBy !== "nobody", side.error);
    return;
  }
  assert.equal(side.receivedBytes, expectedBytes);
  assert.equal(side.ended, true);
  assert.equal(side.trailers, side.script.trailers ? `x-sum,${expectedBytes}` : "");
}

test("two connections carry every octet, whatever flow control, the order and the resets", () => {
  fc.assert(
    fc.property(world, (drawn) => {
      const link = new H3Link(drawn);
      link.run();
      const { client, server } = link;
      assert.equal(client.failed + server.failed, "");
      assert.equal(client.settled + server.settled, 2);
      assert.equal(client.sides.size, drawn.scripts.length);
      for (const side of client.sides.values()) checkOver(server, side, side.script.responseBytes);
      for (const side of server.sides.values()) checkOver(client, side, side.script.requestBytes);
      for (const { connection } of [client, server]) {
        assert.equal(connection.streamCount, 0);
        assert.equal(connection.queuedBytes, 0);
        assert.equal(connection.partialSinceMs, Infinity);
      }
    }),
    { numRuns: 60 },
  );
});
