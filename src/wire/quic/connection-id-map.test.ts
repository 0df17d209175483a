import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ConnectionIdMap } from "./connection-id-map.ts";

const HASH_KEY = Buffer.from("0001020304050607", "hex");

interface Value {
  readonly name: number;
}

/** The real map, given each ID somewhere in a larger buffer, and one of the language beside it. */
class Twins {
  readonly real: ConnectionIdMap<Value>;
  readonly model = new Map<string, Value>();
  readonly #maxEntries: number;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
    this.real = new ConnectionIdMap(maxEntries, HASH_KEY);
  }

  insert(id: Uint8Array, value: Value): void {
    const key = Buffer.from(id).toString("hex");
    const fits = this.model.has(key) || this.model.size < this.#maxEntries;
    const bytes = Buffer.concat([Buffer.from([0xee]), id, Buffer.from([0xdd])]);
    assert.equal(this.real.insert(bytes, 1, 1 + id.length, value), fits);
    bytes.fill(0);
    if (fits) this.model.set(key, value);
    assert.equal(this.real.size, this.model.size);
  }

  delete(id: Uint8Array): void {
    assert.equal(this.real.delete(id, 0, id.length), this.model.delete(Buffer.from(id).toString("hex")));
    assert.equal(this.real.size, this.model.size);
  }

  check(ids: readonly Uint8Array[]): void {
    for (const id of ids) {
      const expected = this.model.get(Buffer.from(id).toString("hex")) ?? null;
      assert.equal(this.real.find(id, 0, id.length), expected);
    }
  }
}

/** Few octets of few values, so that IDs repeat and are beginnings of each other; and long ones. */
const anyId = fc.oneof(
  fc.array(fc.nat(2), { minLength: 1, maxLength: 6 }).map((octets) => Uint8Array.from(octets)),
  fc.uint8Array({ minLength: 1, maxLength: 20 }),
);

test("it does what a map does, whatever is inserted and deleted", () => {
  const step = fc.record({ id: anyId, name: fc.nat(), kind: fc.constantFrom("insert", "insert", "delete") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.constantFrom(5, 100, 1000), (steps, maxEntries) => {
      const twins = new Twins(maxEntries);
      for (const { id, name, kind } of steps) {
        if (kind === "insert") twins.insert(id, { name });
        else twins.delete(id);
      }
      twins.check(steps.map(({ id }) => id));
    }),
    { numRuns: 200 },
  );
});

/** IDs as we issue them, that differ in any octet but by little. */
function issued(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const id = Buffer.alloc(12, 0x5a);
    id.writeUInt32BE(i, (i % 3) * 4);
    id[1] = i % 3;
    return id;
  });
}

test("it grows and shrinks, and loses nothing", () => {
  const twins = new Twins(5000);
  const ids = issued(5000);
  ids.forEach((id, name) => twins.insert(id, { name }));
  twins.check(ids);
  ids.slice(0, 4900).forEach((id) => twins.delete(id));
  twins.check(ids);
  ids.slice(0, 300).forEach((id, name) => twins.insert(id, { name }));
  twins.check(ids);
  ids.forEach((id) => twins.delete(id));
  twins.check(ids);
  assert.equal(twins.real.size, 0);
});

test("deleting anywhere within a crowd leaves the others to be found", () => {
  const ids = issued(31);
  for (let gone = 0; gone < ids.length; gone++) {
    const twins = new Twins(31);
    ids.forEach((id, name) => twins.insert(id, { name }));
    twins.delete(ids[gone] as Buffer);
    twins.check(ids);
  }
});

test("beyond its bound it takes nothing new, and what it has can be replaced", () => {
  const map = new ConnectionIdMap<Value>(2, HASH_KEY);
  const [one, two, three] = issued(3) as [Buffer, Buffer, Buffer];
  assert.ok(map.insert(one, 0, 12, { name: 1 }));
  assert.ok(map.insert(two, 0, 12, { name: 2 }));
  assert.ok(!map.insert(three, 0, 12, { name: 3 }));
  assert.equal(map.find(three, 0, 12), null);
  assert.ok(map.insert(two, 0, 12, { name: 4 }));
  assert.deepEqual(map.find(two, 0, 12), { name: 4 });
  assert.ok(map.delete(one, 0, 12));
  assert.ok(map.insert(three, 0, 12, { name: 5 }));
});

test("zeroes at the end are part of an ID", () => {
  const map = new ConnectionIdMap<Value>(10, HASH_KEY);
  const zeroes = Buffer.alloc(20);
  for (let length = 1; length <= 20; length += 2) map.insert(zeroes, 0, length, { name: length });
  for (let length = 1; length <= 20; length++) {
    const expected = length % 2 === 1 ? { name: length } : null;
    assert.deepEqual(map.find(zeroes, 0, length), expected);
  }
});

test("connection IDs of other lengths are never there", () => {
  const map = new ConnectionIdMap<Value>(10, HASH_KEY);
  const bytes = Buffer.alloc(255);
  for (const length of [0, 21, 255]) {
    assert.ok(!map.insert(bytes, 0, length, { name: 1 }));
    assert.equal(map.find(bytes, 0, length), null);
    assert.ok(!map.delete(bytes, 0, length));
  }
});
