/** Field sections: order, lookup, removal, and what is written of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { wordText } from "../../base/word-text.ts";
import { FIELD_NAMES, FieldId, fieldIdIn, fieldIdOf } from "./field-id.ts";
import { FieldTemplate } from "./field-template.ts";
import { Fields } from "./fields.ts";

function written(fields: Fields): string {
  const out = Buffer.alloc(fields.wireLength() + 8);
  const end = fields.writeTo(out, 4);
  assert.ok(end - 4 <= fields.wireLength());
  return out.latin1Slice(4, end);
}

test("every known name has its id, whatever its case, and no other name has one", () => {
  for (let id = 1; id < FIELD_NAMES.length; id++) {
    const name = FIELD_NAMES[id] as string;
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) {
      const bytes = Buffer.from(`#${spelling}#`);
      assert.equal(fieldIdOf(bytes, 1, bytes.length - 1), id, spelling);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      assert.equal(fieldIdIn(view, 1, bytes.length - 1), id, spelling);
    }
    for (const other of [`${name}x`, name.slice(1), name.replace(/.$/, "_")]) {
      const bytes = Buffer.from(other);
      assert.equal(fieldIdOf(bytes, 0, bytes.length), FieldId.other, other);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      assert.equal(fieldIdIn(view, 0, bytes.length), FieldId.other, other);
    }
  }
  assert.equal(Object.keys(FieldId).length, FIELD_NAMES.length);
});

test("fields are kept in order and found by id and by name", () => {
  const fields = new Fields();
  fields.addNamed("X-One", "1");
  fields.add(FieldId.via, "a");
  fields.addNamed("x-one", "2");
  fields.add(FieldId.via, "b");
  assert.equal(fields.count, 4);
  assert.equal(fields.get(FieldId.via), "a");
  assert.equal(fields.joined(FieldId.via), "a, b");
  assert.equal(fields.get(FieldId.date), undefined);
  assert.equal(fields.joined(FieldId.date), undefined);
  const name = Buffer.from("x-one");
  assert.equal(fields.findNamed(name), 0);
  assert.equal(fields.findNamed(name, 1), 2);
  assert.equal(fields.findNamed(Buffer.from("x-two")), -1);
  assert.equal(written(fields), "X-One: 1\r\nVia: a\r\nx-one: 2\r\nVia: b\r\n");
});

test("removed fields are not found and not written", () => {
  const fields = new Fields();
  for (const value of ["1", "2", "3", "4"]) fields.addNamed("X", value);
  fields.add(FieldId.via, "a");
  fields.remove(0);
  fields.remove(2);
  fields.removeAll(FieldId.via);
  assert.ok(fields.removed(0));
  assert.equal(fields.id(4), FieldId.via);
  assert.equal(fields.get(FieldId.via), undefined);
  assert.equal(fields.findNamed(Buffer.from("x")), 1);
  assert.equal(written(fields), "X: 2\r\nX: 4\r\n");
  fields.set(FieldId.via, "b");
  assert.deepEqual(fields.toArray(), [
    ["X", "2"],
    ["X", "4"],
    ["Via", "b"],
  ]);
});

test("bytes and whole lines are added as they are; lines that no field refers to are not written", () => {
  const fields = new Fields();
  const source = Buffer.from("..A: 1\r\nDropped: x\r\nHost: h\r\n..");
  const at = fields.length - 2;
  fields.addSpan(2 + at, 3 + at, 6 + at, FieldId.other);
  fields.addSpan(20 + at, 24 + at, 27 + at, FieldId.host);
  assert.equal(fields.addLines(source, 2, source.length - 2), 0);
  fields.addBytes(Buffer.from("(Via;v)"), 1, 4, 5, 6);
  assert.deepEqual(fields.toArray(), [
    ["A", "1"],
    ["Host", "h"],
    ["Via", "v"],
  ]);
  assert.equal(fields.id(2), FieldId.via);
  assert.equal(written(fields), "A: 1\r\nHost: h\r\nVia: v\r\n");
});

test("a section can be appended to another", () => {
  const [one, two] = [new Fields(), new Fields()];
  one.addNamed("A", "1");
  two.addNamed("B", "2");
  two.addNamed("C", "3");
  two.remove(0);
  one.addAll(two);
  assert.equal(written(one), "A: 1\r\nC: 3\r\n");
});

test("templates and words are appended like any other field", () => {
  const source = new Fields();
  source.add(FieldId.via, "1.1 gw");
  source.addNamed("X-Long", "x".repeat(100));
  const template = new FieldTemplate(source);
  const fields = new Fields();
  const expected: [string, string][] = [];
  for (let i = 0; i < 30; i++) {
    const value = "v".repeat(i);
    const index = fields.addWords(wordText("X-Forwarded-For: "), wordText(value), FieldId.xForwardedFor);
    assert.equal(fields.value(index), value);
    assert.equal(fields.id(fields.addTemplate(template)), FieldId.via);
    expected.push(["X-Forwarded-For", value], ["Via", "1.1 gw"], ["X-Long", "x".repeat(100)]);
  }
  assert.deepEqual(fields.toArray(), expected);
  assert.equal(written(fields), expected.map(([name, value]) => `${name}: ${value}\r\n`).join(""));
});

test("text in the store is no field, and is written in front when asked for", () => {
  const fields = new Fields();
  const start = fields.addText("GET /\u00ff");
  const end = fields.length;
  fields.addNamed("A", "1");
  assert.equal(fields.bytes.latin1Slice(start, end), "GET /\u00ff");
  assert.equal(written(fields), "A: 1\r\n");
  const out = Buffer.alloc(100);
  assert.equal(out.latin1Slice(0, fields.writeTo(out, 0, start, end)), "GET /\u00ffA: 1\r\n");
  assert.throws(() => fields.addText("\u0100"), { name: "AssertionFailure" });
  fields.removeEvery();
  assert.equal(written(fields), "");
  assert.equal(fields.bytes.latin1Slice(start, end), "GET /\u00ff");
});

test("values and names that would split the message are our own mistake", () => {
  const fields = new Fields();
  for (const value of ["a\r\nb", "a\nb", "a\u0000", "\u010d", "\u010a"]) {
    assert.throws(() => fields.addNamed("X", value), { name: "AssertionFailure" });
  }
  for (const name of ["", "a b", "a:", "a\r\n", "\u00e9"]) {
    assert.throws(() => fields.addNamed(name, "x"), { name: "AssertionFailure" });
  }
  assert.equal(fields.count, 0);
});

test("a section that was large gives its memory back", () => {
  const fields = new Fields();
  for (let i = 0; i < 200; i++) fields.addNamed("X", "x".repeat(100));
  assert.ok(fields.bytes.length >= 20_000);
  fields.clear();
  assert.equal(fields.bytes.length, 0);
  fields.addNamed("Y", "y");
  assert.equal(written(fields), "Y: y\r\n");
});

test("any sequence of edits leaves what a plain list would hold", () => {
  const edit = fc.oneof(
    fc.tuple(fc.constant("add"), fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[ -~]{0,60}$/)),
    fc.tuple(fc.constant("remove"), fc.nat({ max: 50 }).map(String), fc.constant("")),
  );
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 60 }), (edits) => {
      const fields = new Fields();
      const list: ([string, string] | undefined)[] = [];
      for (const [kind, name, value] of edits) {
        if (kind === "add") {
          fields.addNamed(name, value);
          list.push([name, value]);
        } else if (Number(name) < list.length) {
          fields.remove(Number(name));
          list[Number(name)] = undefined;
        }
      }
      const left = list.filter((entry) => entry !== undefined);
      assert.deepEqual(fields.toArray(), left);
      assert.equal(written(fields), left.map(([name, value]) => `${name}: ${value}\r\n`).join(""));
    }),
  );
});

test("a line of another memory becomes a field, whatever its length", () => {
  const fields = new Fields();
  const expected: [string, string][] = [];
  for (const length of [0, 1, 2, 3, 4, 60, 85, 86, 87, 88, 89, 500]) {
    const value = "v".repeat(length);
    const source = Buffer.from(`##via: ${value}\r\n#######`, "latin1");
    const view = new DataView(source.buffer, source.byteOffset, source.length);
    const line = { source, view, nameStart: 2, nameEnd: 5, valueEnd: 7 + length, id: FieldId.via };
    assert.equal(fields.addLine(line), expected.length);
    expected.push(["via", value]);
  }
  assert.deepEqual(fields.toArray(), expected);
  assert.equal(written(fields), expected.map(([name, value]) => `${name}: ${value}\r\n`).join(""));
  assert.equal(fields.id(3), FieldId.via);
});

test("the mark of a never-indexed field stays with it and goes with it", () => {
  const fields = new Fields();
  for (let i = 0; i < 60; i++) fields.addNamed("x-any", `${i}`);
  for (const index of [3, 0, 59]) fields.markNeverIndexed(index);
  const marked = (list: Fields) =>
    Array.from({ length: list.count }, (_, i) => i).filter((i) => list.neverIndexed(i));
  assert.deepEqual(marked(fields), [0, 3, 59]);
  fields.remove(0);
  const copy = new Fields();
  copy.addAll(fields);
  assert.deepEqual(
    marked(copy).map((index) => copy.value(index)),
    ["3", "59"],
  );
  for (const empty of [() => fields.clear(), () => copy.removeEvery()]) empty();
  for (const list of [fields, copy]) {
    for (let i = 0; i < 60; i++) list.addNamed("x-any", "");
    assert.deepEqual(marked(list), []);
  }
});
