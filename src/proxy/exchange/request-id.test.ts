import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RandomHex } from "../../base/random-hex.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import { Fields } from "../../wire/http/fields.ts";
import { applyRequestId } from "./request-id.ts";

const random = new RandomHex();

function idFor(...values: string[]): string {
  const fields = new Fields();
  for (const value of values) fields.add(FieldId.xRequestId, value);
  const index = applyRequestId(fields, random);
  assert.equal(fields.toArray().length, 1, "exactly one");
  return fields.value(index);
}

test("a sound id of the client is kept", () => {
  for (const id of ["1", "a-b_c.d:e~f+g/h=i@j", "0".repeat(128), "550e8400-e29b-41d4-a716-446655440000"]) {
    assert.equal(idFor(id), id);
  }
});

test("anything else is replaced", () => {
  const bad = [
    "",
    "0".repeat(129),
    "a b",
    'a"b',
    "a\\b",
    "a;b",
    "a,b",
    "é",
    "<script>",
    "$(id)",
    "a\tb",
    "{}",
  ];
  for (const id of bad) assert.match(idFor(id), /^[0-9a-f]{32}$/, id);
});

test("two ids are none, even if they are the same", () => {
  for (const values of [
    ["a", "b"],
    ["a", "a"],
    ["", "a"],
    ["a", ""],
  ]) {
    assert.match(idFor(...values), /^[0-9a-f]{32}$/);
  }
});

test("whatever comes, what leaves is short and harmless to logs and shells", () => {
  const value = fc
    .string({ unit: "binary-ascii", maxLength: 200 })
    .map((text) => text.replaceAll(/[^\t\x20-\x7e]/g, "x"));
  fc.assert(
    fc.property(fc.array(value, { maxLength: 3 }), (values) => {
      assert.match(idFor(...values), /^[A-Za-z0-9\-._:~+/=@]{1,128}$/);
    }),
  );
});
