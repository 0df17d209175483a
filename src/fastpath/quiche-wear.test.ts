import assert from "node:assert/strict";
import { test } from "node:test";
import { QuicheWear } from "./quiche-wear.ts";

const LIMITS = { maxBidirectionalStreams: 100, maxUnidirectionalStreams: 10 };

/** As quiche: the streams that it still has. */
function wear(role: "server" | "client" = "server"): { wear: QuicheWear; known: Set<number> } {
  const known = new Set<number>();
  return { wear: new QuicheWear(role, LIMITS, (id) => known.has(id)), known };
}

test("streams that end after they were stopped wear nothing, however many there are", () => {
  for (const base of [0, 1, 2]) {
    const { wear: own, known } = wear();
    for (let i = 0; i < 10_000; i++) {
      const id = 4 * i + base;
      known.add(id);
      own.stopped(id);
      assert.equal(own.worn, false);
      // Another one ends two turns later.
      known.delete(id - 8);
    }
  }
});

test("as many as can be open, stopped in one turn, wear nothing if they end then", () => {
  const { wear: own, known } = wear();
  for (let round = 0; round < 50; round++) {
    const ids = Array.from({ length: 100 }, (_, i) => 4 * (100 * round + i));
    for (const id of ids) known.add(id);
    for (const id of ids) own.stopped(id);
    assert.equal(own.worn, false, `round ${round}`);
    known.clear();
  }
});

test("half of the peer's streams of a kind lost: it is worn, before the rest are", () => {
  for (const [base, limit] of [
    [0, LIMITS.maxBidirectionalStreams],
    [2, LIMITS.maxUnidirectionalStreams],
  ] as const) {
    const { wear: own, known } = wear();
    let lost = 0;
    for (; !own.worn; lost++) {
      assert.ok(lost < limit, `${lost}`);
      known.add(4 * lost + base);
      own.stopped(4 * lost + base);
    }
    assert.ok(lost >= limit / 2 && lost < limit * 0.8, `${lost}`);
    known.clear();
    assert.equal(own.worn, true, "for good");
  }
});

test("streams of our own are nobody's credit, and only many of them wear", () => {
  const { wear: own, known } = wear("client");
  for (let i = 0; i < 1000; i++) {
    known.add(4 * i);
    own.stopped(4 * i);
    assert.equal(own.worn, false);
  }
  let lost = 1000;
  for (; !own.worn && lost < 3000; lost++) {
    known.add(4 * lost);
    own.stopped(4 * lost);
  }
  assert.ok(lost < 1500, `${lost}`);
});

test("a quarter of a million streams are enough for one connection", () => {
  const { wear: own } = wear();
  own.used(4 * 262_143);
  assert.equal(own.worn, false);
  own.used(4 * 262_144);
  assert.equal(own.worn, true);
});

test("a peer that may open no stream wears nothing", () => {
  const own = new QuicheWear(
    "server",
    { maxBidirectionalStreams: 0, maxUnidirectionalStreams: 0 },
    () => true,
  );
  for (let i = 0; i < 10; i++) assert.equal(own.worn, false);
});
