/** Every number of the schema, at the edges of its range. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bareUnit, unitMs } from "../../src/control/config/duration.ts";
import type { DurationField, IntegerField } from "../../src/control/config/field.ts";
import { IssueCollector } from "../../src/control/config/issue.ts";
import { readField } from "../../src/control/config/read-field.ts";
import { allFields, type NamedField } from "./schema-fields.ts";

function isNumeric(field: NamedField["field"]): field is IntegerField | DurationField {
  return field.kind === "integer" || field.kind === "duration";
}

/** Reads a bare number; `undefined` when it is refused. */
function read({ key, field }: NamedField, raw: bigint): unknown {
  const issues = new IssueCollector();
  const value = readField(field, raw, [key], { issues, elsewhere: () => undefined });
  return issues.hasErrors ? undefined : value;
}

const numbers = allFields().filter(({ field }) => isNumeric(field));

test("the schema has many numbers", () => {
  assert.ok(numbers.length > 80, `${numbers.length}`);
});

for (const named of numbers) {
  const { path, key, field } = named;
  if (!isNumeric(field)) continue;
  test(`${path}: from ${field.min} to ${field.max}`, () => {
    // Bare numbers of a few keys count in seconds while the key holds milliseconds.
    const scale = field.kind === "duration" ? unitMs(bareUnit(key)) / unitMs(field.unit) : 1;
    const min = BigInt(Math.ceil(field.min / scale));
    const max = BigInt(Math.floor(field.max / scale));
    assert.equal(read(named, min), Number(min) * scale);
    assert.equal(read(named, max), Number(max) * scale);
    assert.equal(read(named, max + 1n), undefined);
    const belowIsZero = min - 1n === 0n && field.zeroMeans !== undefined;
    assert.equal(read(named, min - 1n), belowIsZero ? 0 : undefined);
    if (min > 0n) assert.equal(read(named, 0n), field.zeroMeans === undefined ? undefined : 0);
    if (field.zeroMeans !== undefined) assert.equal(read(named, 0n), 0);
    assert.equal(read(named, -1n), min <= -1n ? -scale : undefined);
  });
}

test("defaults are within their ranges", () => {
  for (const { path, field } of numbers) {
    if (!isNumeric(field) || field.default === undefined) continue;
    const isInside = field.default >= field.min && field.default <= field.max;
    assert.ok(isInside || (field.default === 0 && field.zeroMeans !== undefined), path);
  }
});
