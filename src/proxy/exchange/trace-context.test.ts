import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RandomHex } from "../../base/random-hex.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import { Fields } from "../../wire/http/fields.ts";
import { applyTraceContext } from "./trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const NEW_TRACE = /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/;

interface Traced {
  readonly traceparent: string;
  readonly tracestate: string[];
}

function traced(parents: readonly string[], states: readonly string[] = []): Traced {
  const fields = new Fields();
  for (const value of parents) fields.add(FieldId.traceparent, value);
  for (const value of states) fields.add(FieldId.tracestate, value);
  const index = applyTraceContext(fields, new RandomHex());
  assert.equal(fields.id(index), FieldId.traceparent);
  const all = fields.toArray();
  assert.equal(all.filter(([name]) => name === "traceparent").length, 1);
  return {
    traceparent: fields.value(index),
    tracestate: all.filter(([name]) => name === "tracestate").map(([, value]) => value),
  };
}

test("a trace is continued with a span of our own", () => {
  for (const flags of ["00", "01", "ff"]) {
    const { traceparent, tracestate } = traced([`00-${TRACE}-${SPAN}-${flags}`], ["a=1", "b=2"]);
    assert.match(traceparent, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-${flags}$`));
    assert.ok(!traceparent.includes(SPAN));
    assert.deepEqual(tracestate, ["a=1", "b=2"]);
  }
});

test("a later version is read as far as it is known", () => {
  for (const value of [
    `01-${TRACE}-${SPAN}-01`,
    `cc-${TRACE}-${SPAN}-01-what-ever`,
    `fe-${TRACE}-${SPAN}-01-`,
  ]) {
    assert.match(traced([value]).traceparent, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  }
});

test("a malformed one begins a new trace, and its state goes with it", () => {
  const bad = [
    "",
    "00",
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-0`,
    `00-${TRACE}-${SPAN}-01-`,
    `00-${TRACE}-${SPAN}-01-x`,
    `00-${TRACE}-${SPAN}-011`,
    `01-${TRACE}-${SPAN}-01x`,
    `ff-${TRACE}-${SPAN}-01`,
    `0-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN.toUpperCase()}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00_${TRACE}_${SPAN}_01`,
    `00-${TRACE}x${SPAN}-01`,
    `0x-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-0g`,
    `00-${TRACE.slice(1)}g-${SPAN}-01`,
  ];
  for (const value of bad) {
    const { traceparent, tracestate } = traced([value], ["a=1"]);
    assert.match(traceparent, NEW_TRACE, value);
    assert.ok(!traceparent.includes(TRACE), value);
    assert.deepEqual(tracestate, [], value);
  }
});

test("two of them are none", () => {
  const one = `00-${TRACE}-${SPAN}-01`;
  const { traceparent } = traced([one, one]);
  assert.match(traceparent, NEW_TRACE);
  assert.ok(!traceparent.includes(TRACE));
});

test("a state without a parent is dropped, one that is too long is dropped and the trace kept", () => {
  assert.deepEqual(traced([], ["a=1"]).tracestate, []);
  const parent = `00-${TRACE}-${SPAN}-01`;
  assert.deepEqual(traced([parent], ["x".repeat(512)]).tracestate.length, 1);
  assert.deepEqual(traced([parent], ["x".repeat(256), "y".repeat(257)]).tracestate, []);
  assert.ok(traced([parent], ["x".repeat(513)]).traceparent.includes(TRACE));
});

test("whatever comes, a well-formed parent leaves", () => {
  const near = fc
    .tuple(fc.nat({ max: 60 }), fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 1 }))
    .map(([at, character]) => {
      const good = `00-${TRACE}-${SPAN}-01`;
      return (good.slice(0, at) + character + good.slice(at + 1)).replaceAll(/[^\x20-\x7e]/g, "z");
    });
  fc.assert(
    fc.property(fc.array(near, { maxLength: 3 }), (values) => {
      assert.match(
        traced(values).traceparent,
        /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/,
      );
    }),
  );
});
