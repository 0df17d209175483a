import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Link, type Script, type Side, type SideOwner, type World } from "../../../test/support/h2-link.ts";

const MAX_BODY_BYTES = 60_000;

const limits = fc.record({
  maxConcurrentStreams: fc.integer({ min: 1, max: 10 }),
  maxSendBufferBytes: fc.integer({ min: 1, max: 20_000 }),
  streamWindowBytes: fc.oneof(fc.integer({ min: 1000, max: 10_000 }), fc.constantFrom(65_535, 200_000)),
  connectionWindowBytes: fc.constantFrom(65_535, 100_000, 1_048_576),
});

const script: fc.Arbitrary<Script> = fc.record({
  requestBytes: fc.oneof(fc.constant(0), fc.nat({ max: MAX_BODY_BYTES })),
  responseBytes: fc.oneof(fc.constant(0), fc.nat({ max: MAX_BODY_BYTES })),
  partBytes: fc.constantFrom(700, 5000, 16_384, 40_000),
  announced: fc.boolean(),
  trailers: fc.boolean(),
  resetBy: fc.constantFrom("nobody", "nobody", "nobody", "client", "server"),
  resetAfterBytes: fc.nat({ max: 20_000 }),
  priority: fc.constantFrom("", "u=0", "u=6", "u=3, i", "u=3, i=?0"),
});

const world: fc.Arbitrary<World> = fc.record({
  scripts: fc.array(script, { minLength: 1, maxLength: 12 }),
  clientLimits: limits,
  serverLimits: limits,
  highWaterBytes: fc.constantFrom(1000, 20_000, 1_000_000),
  seed: fc.nat(),
});

function checkOver(owner: SideOwner, other: SideOwner, side: Side, expectedBytes: number): void {
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
  assert.equal(owner.failed, "");
}

test("two connections carry every octet, whatever the windows, the order and the resets", () => {
  fc.assert(
    fc.property(world, (drawn) => {
      const link = new Link(drawn);
      link.run();
      const { client, server } = link;
      assert.equal(client.failed + server.failed, "");
      assert.equal(client.sides.size, drawn.scripts.length);
      for (const side of client.sides.values()) checkOver(client, server, side, side.script.responseBytes);
      for (const side of server.sides.values()) checkOver(server, client, side, side.script.requestBytes);
      for (const { connection } of [client, server]) {
        assert.equal(connection.streamCount, 0);
        assert.equal(connection.queuedBytes, 0);
        assert.equal(connection.partialSinceMs, Infinity);
      }
    }),
    { numRuns: 60 },
  );
});
