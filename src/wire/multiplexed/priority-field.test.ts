import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PriorityField } from "./priority-field.ts";

function check(value: string, expected: string): void {
  const bytes = Buffer.from(`<${value}>`, "latin1");
  const field = new PriorityField();
  field.read(bytes, 1, bytes.length - 1);
  assert.equal(`${field.urgency}${field.incremental ? " i" : ""}`, expected, value);
}

test("urgency and incremental are read", () => {
  check("", "3");
  check("u=0", "0");
  check("u=7, i", "7 i");
  check("i,u=5", "5 i");
  check("u=1, i=?1", "1 i");
  check("u=1, i=?0", "1");
  check("i;x=1, u=2;y", "2 i");
  check("\tu=4 \t,  i", "4 i");
});

test("the last member of a name counts", () => {
  check("u=1, u=6", "6");
  check("i, i=?0", "3");
});

test("what is not understood is passed over", () => {
  check("u=8", "3");
  check("u=-1", "3");
  check("u=10", "3");
  check("u", "3");
  check("I, U=1", "3");
  check('x="u=1, i", u=2', "2");
  check("uu=1, ii", "3");
  check(",,,u=5", "5");
});

test("what is merged changes what it names and leaves the rest", () => {
  const merged = (client: string, ...lines: string[]): string => {
    const field = new PriorityField();
    field.read(Buffer.from(client, "latin1"), 0, client.length);
    for (const line of lines) field.merge(Buffer.from(line, "latin1"), 0, line.length);
    return `${field.urgency}${field.incremental ? " i" : ""}`;
  };
  assert.equal(merged("u=5, i", "u=1"), "1 i");
  assert.equal(merged("u=5, i", "i=?0"), "5");
  assert.equal(merged("u=5", ""), "5");
  assert.equal(merged("", "i", "u=6"), "6 i");
});

test("no value makes it read elsewhere or end in an urgency that does not exist", () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom("u", "i", "=", "?", "0", "1", "7", "8", ",", ";", " ", "\t", '"', "x"),
      }),
      (value) => {
        const bytes = Buffer.from(value, "latin1");
        const field = new PriorityField();
        field.read(bytes, 0, bytes.length);
        assert.ok(field.urgency >= 0 && field.urgency <= 7);
      },
    ),
  );
});
