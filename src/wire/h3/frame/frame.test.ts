import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { varint } from "../../../../test/support/h3-dsl.ts";
import { FrameHeaderReader, writeFrameHeader } from "./frame-header.ts";
import { FramePlace, placeOf } from "./frame-type.ts";
import { writeGoAway } from "./goaway.ts";
import { isHttp2Setting, reservedId, settingsFrameBound, writeSettings } from "./settings.ts";
import { VarintReader } from "./varint-reader.ts";

const integer = fc.oneof(
  fc.constantFrom(0n, 63n, 64n, 16_383n, 16_384n, 2n ** 30n - 1n, 2n ** 30n, 2n ** 53n, 2n ** 62n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 62n - 1n }),
);

test("an integer is read in each of its forms, cut anywhere", () => {
  const cases = [
    ["00", 0],
    ["25", 37],
    ["4025", 37],
    ["7bbd", 15_293],
    ["9d7f3e7d", 494_878_333],
    ["c2197c5eff14e88c", Number(151_288_809_941_952_652n)],
  ] as const;
  for (const [hex, value] of cases) {
    const bytes = Buffer.from(`${hex}ff`, "hex");
    const whole = new VarintReader();
    assert.equal(whole.read(bytes, 0, bytes.length), bytes.length - 1);
    assert.equal(whole.value, value);
    const reader = new VarintReader();
    for (let i = 0; i < bytes.length - 1; i++) {
      assert.equal(reader.incomplete, i > 0);
      reader.read(bytes, i, i + 1);
    }
    assert.equal(reader.incomplete, false);
    assert.equal(reader.value, value);
  }
});

test("a frame header is read at every split", () => {
  fc.assert(
    fc.property(integer, integer, fc.constantFrom(0, 8), fc.nat(16), (type, length, size, at) => {
      const bytes = Buffer.concat([varint(type, size), varint(length, size)]);
      const reader = new FrameHeaderReader();
      const cut = Math.min(at, bytes.length - 1);
      assert.equal(reader.read(bytes, 0, cut), cut);
      assert.equal(reader.inPayload, false);
      assert.equal(reader.incomplete, cut > 0);
      assert.equal(reader.read(bytes, cut, bytes.length), bytes.length);
      assert.equal(reader.inPayload && reader.incomplete, true);
      for (const [read, value] of [
        [reader.type, Number(type)],
        [reader.left, Number(length)],
      ] as const)
        assert.ok(value > 2 ** 53 ? Math.abs(read / value - 1) < 2 ** -50 : read === value);
    }),
  );
});

test("a reader stops where the payload begins", () => {
  const reader = new FrameHeaderReader();
  assert.equal(reader.read(Buffer.from("00036162630100", "hex"), 0, 7), 2);
  assert.deepEqual([reader.type, reader.left], [0, 3]);
});

test("frames of ours, octet by octet", () => {
  const target = Buffer.alloc(64);
  const text = (end: number): string => target.toString("hex", 0, end);
  assert.equal(text(writeFrameHeader(target, 0, 0x0, 5)), "0005");
  assert.equal(text(writeFrameHeader(target, 0, 0x1, 16_384)), "0180004000");
  assert.equal(text(writeGoAway(target, 0, 0)), "070100");
  assert.equal(text(writeGoAway(target, 0, 2 ** 53 - 4)), "0708c01ffffffffffffc");
  const pairs = [
    [0x6, 65_536],
    [reservedId(2), 0],
  ] as const;
  const end = writeSettings(target, 0, pairs);
  assert.equal(text(end), "04080680010000405f00");
  assert.ok(end <= settingsFrameBound(pairs));
});

test("types belong to streams, or nowhere; what is unknown may stand anywhere", () => {
  for (const type of [0x0, 0x1, 0x5]) assert.equal(placeOf(type), FramePlace.request);
  for (const type of [0x3, 0x4, 0x7, 0xd, 0xf0700, 0xf0701]) assert.equal(placeOf(type), FramePlace.control);
  for (const type of [0x2, 0x6, 0x8, 0x9]) assert.equal(placeOf(type), FramePlace.nowhere);
  for (const type of [0xa, 0xe, reservedId(0), 2 ** 62]) assert.equal(placeOf(type), FramePlace.anywhere);
});

test("settings of HTTP/2 and reserved ones are told apart", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].filter(isHttp2Setting), [0, 2, 3, 4, 5]);
  assert.equal(reservedId(0), 0x21);
  assert.equal((reservedId(7) - 0x21) % 0x1f, 0);
});
