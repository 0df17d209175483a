import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { AssertionFailure } from "../../base/assert.ts";
import {
  MAX_RESET_BYTES,
  MAX_UNANSWERED_BYTES,
  RESET_KEY_BYTES,
  RESET_TOKEN_BYTES,
  StatelessResets,
} from "./stateless-reset.ts";

const KEY = Buffer.alloc(RESET_KEY_BYTES, 3);
const ID = Buffer.from("0102030405060708090a0b0c", "hex");
const resets = new StatelessResets(KEY);

test("a token is the same for the same ID and key, and another for any other", () => {
  const token = resets.token(ID);
  assert.equal(token.length, RESET_TOKEN_BYTES);
  assert.deepEqual(new StatelessResets(Buffer.from(KEY)).token(Buffer.from(ID)), token);
  const others = [
    resets.token(ID.subarray(1)),
    resets.token(Buffer.concat([ID, Buffer.alloc(1)])),
    new StatelessResets(Buffer.alloc(RESET_KEY_BYTES, 4)).token(ID),
  ];
  for (const other of others) assert.notDeepEqual(other, token);
});

test("a reset looks like a short packet, ends with the token, and is shorter than what it answers", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: MAX_UNANSWERED_BYTES + 1, max: 1500 }),
      fc.nat(5),
      (packetBytes, offset) => {
        const target = Buffer.alloc(offset + MAX_RESET_BYTES);
        const random = randomBytes(MAX_RESET_BYTES);
        random.copy(target, offset);
        const end = resets.write(target, offset, packetBytes, ID);
        const reset = target.subarray(offset, end);
        assert.ok(reset.length < packetBytes);
        assert.ok(reset.length >= MAX_UNANSWERED_BYTES && reset.length <= MAX_RESET_BYTES);
        assert.equal((reset[0] as number) & 0xc0, 0x40);
        assert.equal((reset[0] as number) & 0x3f, (random[0] as number) & 0x3f);
        const tokenAt = reset.length - RESET_TOKEN_BYTES;
        assert.deepEqual(reset.subarray(1, tokenAt), random.subarray(1, tokenAt));
        assert.deepEqual(reset.subarray(tokenAt), resets.token(ID));
      },
    ),
  );
});

test("its length varies", () => {
  const lengths = new Set<number>();
  for (let octet = 0; octet < 256; octet++)
    lengths.add(resets.write(Buffer.alloc(MAX_RESET_BYTES, octet), 0, 1200, ID));
  assert.equal(Math.min(...lengths), MAX_UNANSWERED_BYTES);
  assert.equal(Math.max(...lengths), MAX_RESET_BYTES);
  assert.equal(lengths.size, MAX_RESET_BYTES - MAX_UNANSWERED_BYTES + 1);
});

test("short packets get none, so two endpoints do not answer each other for ever", () => {
  for (let bytes = 0; bytes <= MAX_UNANSWERED_BYTES; bytes++) {
    const target = Buffer.alloc(MAX_RESET_BYTES + 3, 9);
    assert.equal(resets.write(target, 3, bytes, ID), 3);
    assert.ok(target.every((octet) => octet === 9));
  }
  let bytes = 1500;
  let answers = 0;
  for (; bytes > 0; answers++) bytes = resets.write(randomBytes(MAX_RESET_BYTES), 0, bytes, ID);
  assert.ok(answers <= MAX_RESET_BYTES);
});

test("a key has its length", () => {
  assert.throws(() => new StatelessResets(Buffer.alloc(16)), AssertionFailure);
});
