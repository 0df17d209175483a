import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { requestedService } from "./health-messages.ts";

function call(message: readonly number[]): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, Buffer.from(message)]);
}

test("an empty message asks for the server as such", () => {
  assert.equal(requestedService(call([])), "");
});

test("the name of a service is read, whatever stands around it", () => {
  const name = [0x0a, 3, 0x61, 0x2e, 0x62];
  assert.equal(requestedService(call(name)), "a.b");
  const unknown = [0x10, 0x96, 0x01, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x22, 1, 0xff, 0x2d, 1, 2, 3, 4];
  assert.equal(requestedService(call([...unknown, ...name])), "a.b");
});

test("a body that is no such message is refused", () => {
  assert.equal(requestedService(Buffer.alloc(0)), null);
  assert.equal(requestedService(Buffer.from([1, 0, 0, 0, 0])), null, "compressed");
  assert.equal(requestedService(Buffer.from([0, 0, 0, 0, 1])), null, "shorter than it says");
  assert.equal(requestedService(Buffer.concat([call([]), call([])])), null, "two messages");
  assert.equal(requestedService(call([0x0a, 9, 0x61])), null, "the string is cut off");
  assert.equal(requestedService(call([0x0b])), null, "a group");
  assert.equal(requestedService(call(Array<number>(11).fill(0x80))), null, "an endless varint");
});

test("no bytes make it throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const service = requestedService(call([...bytes]));
      assert.ok(service === null || typeof service === "string");
    }),
  );
});
