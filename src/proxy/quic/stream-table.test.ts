import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StreamTable } from "./stream-table.ts";

function ids(table: StreamTable): number[] {
  return table.open.map(({ id }) => id).sort((a, b) => a - b);
}

test("a stream of the peer's opens those below it", () => {
  const server = new StreamTable(true);
  server.addPeer(8);
  assert.deepEqual(ids(server), [0, 4, 8]);
  assert.equal(server.nextPeerBidirectional, 12);
  server.addPeer(2);
  assert.equal(server.nextPeerUnidirectional, 6);
  assert.deepEqual(
    [4, 12, 1, 6].map((id) => server.isNew(id)),
    [false, true, false, true],
  );
  const client = new StreamTable(false);
  client.addPeer(7);
  assert.deepEqual(ids(client), [3, 7]);
});

test("a direction that a stream does not have is over from the beginning", () => {
  const table = new StreamTable(true);
  const [own, peers, both] = [table.addOwn(3), table.addPeer(2), table.addOwn(1)];
  assert.deepEqual([own.readDone, own.writeDone], [true, false]);
  assert.deepEqual([peers.readDone, peers.writeDone], [false, true]);
  assert.deepEqual([both.readDone, both.writeDone], [false, false]);
  assert.equal(table.receiving, 2);
});

test("a stream is forgotten when both directions are over", () => {
  const table = new StreamTable(true);
  const stream = table.addPeer(0);
  table.endReading(stream);
  table.sweep();
  assert.equal(table.get(0), stream);
  table.endWriting(stream);
  table.sweep();
  assert.deepEqual(ids(table), []);
  assert.equal(table.isNew(0), false);
});

test("counts are right whatever happens in whatever order", () => {
  const action = fc.record({
    id: fc.nat(15),
    what: fc.constantFrom("read", "write", "pause", "resume", "sweep"),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const table = new StreamTable(true);
      table.addPeer(40);
      table.addPeer(42);
      table.addOwn(1);
      for (const { id, what } of actions) {
        const stream = table.get(id * 2);
        if (what === "sweep") table.sweep();
        if (stream === undefined) continue;
        if (what === "read") table.endReading(stream);
        if (what === "write") table.endWriting(stream);
        if (what === "pause") table.pause(stream);
        if (what === "resume") table.resume(stream);
      }
      table.sweep();
      assert.equal(table.receiving, table.open.filter(({ readDone }) => !readDone).length);
      assert.equal(table.paused, table.open.filter(({ paused }) => paused).length);
      assert.ok(table.open.every(({ readDone, writeDone }) => !readDone || !writeDone));
      assert.ok(table.open.every((stream) => table.get(stream.id) === stream));
    }),
  );
});
