import assert from "node:assert/strict";
import { test } from "node:test";
import { longPacket, shortPacket } from "../../../test/support/quic-stranger.ts";
import { AddressProof } from "./address-proof.ts";

test("three octets for each that came, until the client uses an ID of ours", () => {
  const first = longPacket(1, 1200, 8);
  const proof = new AddressProof(Buffer.from(first.subarray(6, 14)));
  assert.equal(proof.allowance, 0);
  proof.received(first, 0, first.length);
  assert.equal(proof.allowance, 3600);
  proof.sent(2400);
  assert.equal(proof.allowance, 1200);
  proof.received(first, 0, first.length);
  assert.equal(proof.allowance, 4800);
  const answer = longPacket(1, 100, 12);
  proof.received(answer, 0, answer.length);
  assert.equal(proof.allowance, Infinity);
});

test("a short header is proof: its connection ID is ours", () => {
  const proof = new AddressProof(Buffer.alloc(8, 1));
  const packet = shortPacket(60);
  proof.received(packet, 0, packet.length);
  assert.equal(proof.allowance, Infinity);
});

test("a Retry has been the proof", () => {
  assert.equal(new AddressProof(null).allowance, Infinity);
});
