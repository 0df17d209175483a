import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault, FAULT_CODES, faultIndex, FAULTS } from "./fault.ts";

test("a fault carries what its row says", () => {
  const fault = new Fault("body_too_large", "5 of at most 4 bytes");
  assert.equal(fault.status, 413);
  assert.equal(fault.row, FAULTS.body_too_large);
  assert.equal(String(fault), "body_too_large: 5 of at most 4 bytes");
  assert.equal(String(new Fault("no_route")), "no_route");
});

test("indexes are the places in the list, each its own", () => {
  assert.deepEqual(
    FAULT_CODES.map(faultIndex),
    FAULT_CODES.map((_, index) => index),
  );
});

test("rows agree with themselves", () => {
  for (const code of FAULT_CODES) {
    const row = FAULTS[code];
    assert.match(code, /^[a-z][a-z0-9_]*$/, "a code is a metric label");
    assert.ok(row.status === 0 || (row.status >= 400 && row.status <= 599), code);
    if (row.source === "downstream")
      assert.ok(row.status < 500 || row.status === 501 || row.status === 505, code);
    if (row.source === "upstream") assert.ok(row.status >= 502 && row.status <= 504, code);
    if (row.retry !== "never") assert.equal(row.source, "upstream", code);
    assert.match(row.text, /^[A-Za-z][A-Za-z0-9 /-]*$/, code);
  }
});

test("a fault says how its stream is reset, in either version", () => {
  assert.deepEqual([new Fault("upstream_reset").h2Code, new Fault("upstream_reset").h3Code], [0x2, 0x102]);
  assert.deepEqual([new Fault("client_closed").h2Code, new Fault("client_closed").h3Code], [0x8, 0x10c]);
  assert.deepEqual([new Fault("bad_request").h2Code, new Fault("bad_request").h3Code], [0x1, 0x10e]);
  for (const code of FAULT_CODES) {
    const { reset, source } = new Fault(code).row;
    assert.ok(reset !== "none", `${code}: a reset for a fault is an error`);
    // Clients may take this one as leave to send the request again.
    if (reset === "refused") assert.equal(source, "internal", code);
  }
});
