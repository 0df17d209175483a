import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DynamicTable } from "./dynamic-table.ts";
import { FieldView } from "./field-view.ts";
import { FIELD_OVERHEAD_BYTES } from "./field-limits.ts";

/** The table as RFC 7541 section 4 words it: a list, the newest first. */
class ModelTable {
  entries: [name: string, value: string][] = [];
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get sizeBytes(): number {
    return this.entries.reduce(
      (sum, [name, value]) => sum + name.length + value.length + FIELD_OVERHEAD_BYTES,
      0,
    );
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    while (this.sizeBytes > maxBytes) this.entries.pop();
  }

  add(name: string, value: string): void {
    this.entries.unshift([name, value]);
    this.resize(this.#maxBytes);
  }
}

function add(table: DynamicTable, name: string, value: string, mark = 0): void {
  const bytes = Buffer.from(name + value, "latin1");
  if (!table.makeRoom(bytes.length)) return;
  table.add(bytes, 0, name.length, mark);
  table.addValue(bytes, name.length, bytes.length);
}

function entriesOf(table: DynamicTable): [string, string][] {
  const field = new FieldView();
  return Array.from({ length: table.count }, (_, age) => {
    table.show((table.newest - age) | 0, field);
    const { source, nameStart, nameEnd, valueStart, valueEnd } = field;
    assert.equal(source.latin1Slice(nameEnd, valueStart), ": ");
    assert.equal(source.latin1Slice(valueEnd, valueEnd + 2), "\r\n");
    assert.equal(field.view.getUint8(valueEnd), source[valueEnd]);
    return [source.latin1Slice(nameStart, nameEnd), source.latin1Slice(valueStart, valueEnd)];
  });
}

test("it holds what the list of the RFC holds, through insertions, evictions and new limits", () => {
  const word = (maxLength: number) => fc.string({ unit: "grapheme-ascii", maxLength });
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.tuple(word(12), word(60)) },
    { weight: 3, arbitrary: fc.tuple(word(3), word(0)) },
    { weight: 1, arbitrary: fc.tuple(word(1), word(500)) },
    { weight: 1, arbitrary: fc.nat(600) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const table = new DynamicTable(600);
      const model = new ModelTable(600);
      for (const it of steps) {
        if (typeof it === "number") {
          table.resize(it);
          model.resize(it);
        } else {
          add(table, ...it);
          model.add(...it);
        }
        assert.deepEqual(entriesOf(table), model.entries);
        assert.equal(table.sizeBytes, model.sizeBytes);
      }
    }),
  );
});

test("its memory stays within a multiple of its limit, however often it is filled", () => {
  const table = new DynamicTable(4096);
  for (let i = 0; i < 20_000; i++) add(table, `name-${i % 7}`, "v".repeat(i % 97));
  assert.ok(table.bytes.length <= 3 * 4096, `${table.bytes.length}`);
  assert.ok(table.sizeBytes <= 4096);
});

test("an entry that is larger than the table empties it", () => {
  const table = new DynamicTable(100);
  add(table, "a", "b");
  add(table, "a", "x".repeat(68));
  assert.equal(table.count, 0);
  add(table, "a", "x".repeat(67));
  assert.deepEqual(entriesOf(table), [["a", "x".repeat(67)]]);
  table.resize(0);
  assert.equal(table.count, 0);
  add(table, "", "");
  assert.equal(table.count, 0);
});

test("numbers go on over 2^32 and tell which entries are there", () => {
  const table = new DynamicTable(200);
  table.newest = 2 ** 31 - 3;
  const numbers: number[] = [];
  for (let i = 0; i < 8; i++) {
    add(table, "n", `${i}`, i);
    numbers.push(table.newest);
  }
  const there = numbers.map((number) => table.has(number));
  assert.deepEqual(there, [false, false, false, true, true, true, true, true]);
  const values = entriesOf(table).map(([, value]) => value);
  assert.deepEqual(values, ["7", "6", "5", "4", "3"]);
  assert.equal(table.mark(table.newest), 7);
  assert.equal(table.has((table.newest + 1) | 0), false);
});
