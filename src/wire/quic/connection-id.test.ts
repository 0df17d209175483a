import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionFailure } from "../../base/assert.ts";
import { MAX_WORKERS } from "../../base/limits.ts";
import {
  CONNECTION_ID_BYTES,
  ConnectionIdIssuer,
  MAX_WORKER_INDEX,
  WORKER_OCTET,
  workerOf,
} from "./connection-id.ts";

test("an ID carries the worker, and nothing else of it is known", () => {
  for (const worker of [0, 7, MAX_WORKER_INDEX]) {
    const target = Buffer.alloc(CONNECTION_ID_BYTES + 4, 0xee);
    new ConnectionIdIssuer(worker, (buffer, offset, size) => {
      for (let i = 0; i < size; i++) buffer[offset + i] = 0x30 + i;
    }).issue(target, 2);
    assert.equal(workerOf(target, 2), worker);
    const expected = Buffer.from("30ff32333435363738393a3b", "hex");
    expected[WORKER_OCTET] = worker;
    assert.deepEqual(target.subarray(2, 14), expected);
    assert.ok([0, 1, 14, 15].every((beside) => target[beside] === 0xee));
  }
});

test("two IDs differ", () => {
  const issuer = new ConnectionIdIssuer(3);
  const target = Buffer.alloc(2 * CONNECTION_ID_BYTES);
  issuer.issue(target, 0);
  issuer.issue(target, CONNECTION_ID_BYTES);
  assert.notDeepEqual(target.subarray(0, CONNECTION_ID_BYTES), target.subarray(CONNECTION_ID_BYTES));
});

test("every worker has an index that an octet holds", () => {
  assert.ok(MAX_WORKERS - 1 <= MAX_WORKER_INDEX);
  for (const worker of [-1, 256, 1.5, NaN])
    assert.throws(() => new ConnectionIdIssuer(worker), AssertionFailure);
});
