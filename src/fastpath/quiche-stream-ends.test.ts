import assert from "node:assert/strict";
import { test } from "node:test";
import { QuicheStreamEnds } from "./quiche-stream-ends.ts";

/** As quiche: streams that it has nothing more of. */
function ends(role: "server" | "client" = "server"): { ends: QuicheStreamEnds; received: Set<number> } {
  const received = new Set<number>();
  return { ends: new QuicheStreamEnds(role, (id) => received.has(id)), received };
}

test("directions follow from the ID and the role", () => {
  const server = ends("server").ends;
  const client = ends("client").ends;
  for (const base of [0, 4 * 2 ** 40]) {
    for (const id of [base, base + 1]) {
      for (const end of [server, client]) assert.ok(end.canReceive(id) && end.canSend(id), `${id}`);
    }
    assert.ok(server.canReceive(base + 2) && !server.canSend(base + 2));
    assert.ok(!client.canReceive(base + 2) && client.canSend(base + 2));
    assert.ok(!server.canReceive(base + 3) && server.canSend(base + 3));
    assert.ok(client.canReceive(base + 3) && !client.canSend(base + 3));
  }
  for (const id of [-1, -2, 0.5, Number.NaN, Infinity, 2 ** 53])
    assert.ok(!server.canReceive(id) && !server.canSend(id), `${id}`);
});

test("streams that are over early are forgotten when quiche is through with them", () => {
  const { ends: own, received } = ends();
  const streams = Array.from({ length: 2000 }, (_, i) => 4 * i);
  for (const id of streams) {
    own.receiveOver(id);
    received.add(id);
  }
  const kept = streams.filter((id) => own.isOver(id));
  assert.ok(kept.length < 600, `${kept.length}`);
  assert.ok(streams.every((id) => own.receiveIsOver(id)));
});

test("streams that are over early are kept while quiche has them", () => {
  const { ends: own } = ends();
  const streams = Array.from({ length: 2000 }, (_, i) => 4 * i);
  for (const id of streams) own.receiveOver(id);
  assert.ok(streams.every((id) => own.isOver(id)));
  own.forget(0);
  assert.equal(own.isOver(0), false);
});
