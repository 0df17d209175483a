import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AssertionFailure } from "../../base/assert.ts";
import {
  DEFAULT_RETRY_TOKEN_AGE_MS,
  MAX_CLOCK_AHEAD_MS,
  MAX_RETRY_KEYS,
  MAX_RETRY_TOKEN_BYTES,
  type PeerAddress,
  RETRY_KEY_BYTES,
  type RetryTokenResult,
  RetryTokens,
} from "./retry-token.ts";

const NOW_MS = 1_795_000_000_000.75;
const ISSUED_MS: number = Math.floor(NOW_MS);
const OLD_KEY = Buffer.alloc(RETRY_KEY_BYTES, 1);
const NEW_KEY = Buffer.alloc(RETRY_KEY_BYTES, 2);
const ADDRESS: PeerAddress = { words: new Uint32Array([0, 0, 0xffff, 0xc0000201]), port: 50_000 };
const ODCID = Buffer.from("8394c8f03e515708", "hex");
const SCID = Buffer.from("f067a5502a4262b5aabbccdd", "hex");

const tokens = new RetryTokens([NEW_KEY]);

function reason(result: RetryTokenResult): string {
  return result.kind === "valid" ? "valid" : result.reason;
}

test("a token that comes back in time opens to the first connection ID", () => {
  const octets = fc.uint8Array({ maxLength: 20 });
  const words = fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.integer({ min: 0, max: 0xffff_ffff }));
  fc.assert(
    fc.property(octets, octets, words, fc.nat(65_535), (odcid, scid, words, port) => {
      const address = { words: new Uint32Array(words), port };
      const token = tokens.mint(NOW_MS, address, odcid, scid);
      assert.ok(token.length <= MAX_RETRY_TOKEN_BYTES);
      assert.deepEqual(tokens.open(NOW_MS + 40, address, token, scid), {
        kind: "valid",
        originalDcid: Buffer.from(odcid),
      });
    }),
  );
});

test("it does not open for another address, port or connection ID", () => {
  const token = tokens.mint(NOW_MS, ADDRESS, ODCID, SCID);
  for (let word = 0; word < 4; word++) {
    const words = Uint32Array.from(ADDRESS.words);
    words[word] = (words[word] as number) ^ 1;
    assert.equal(reason(tokens.open(NOW_MS, { words, port: ADDRESS.port }, token, SCID)), "wrong-address");
  }
  const otherPort = { words: ADDRESS.words, port: ADDRESS.port + 1 };
  assert.equal(reason(tokens.open(NOW_MS, otherPort, token, SCID)), "wrong-address");
  assert.equal(reason(tokens.open(NOW_MS, ADDRESS, token, ODCID)), "forged");
  assert.equal(reason(tokens.open(NOW_MS, ADDRESS, token, SCID.subarray(1))), "forged");
});

test("it opens until it is too old, and not much before it was made", () => {
  const token = tokens.mint(NOW_MS, ADDRESS, ODCID, SCID);
  const at = (nowMs: number): string => reason(tokens.open(nowMs, ADDRESS, token, SCID));
  assert.equal(at(ISSUED_MS + DEFAULT_RETRY_TOKEN_AGE_MS), "valid");
  assert.equal(at(ISSUED_MS + DEFAULT_RETRY_TOKEN_AGE_MS + 1), "expired");
  assert.equal(at(ISSUED_MS - MAX_CLOCK_AHEAD_MS), "valid");
  assert.equal(at(ISSUED_MS - MAX_CLOCK_AHEAD_MS - 1), "future");
});

test("the age is a setting", () => {
  const brief = new RetryTokens([NEW_KEY], 100);
  const token = brief.mint(NOW_MS, ADDRESS, ODCID, SCID);
  assert.equal(reason(brief.open(ISSUED_MS + 100, ADDRESS, token, SCID)), "valid");
  assert.equal(reason(brief.open(ISSUED_MS + 101, ADDRESS, token, SCID)), "expired");
});

test("the newest key mints, and older ones still open", () => {
  const before = new RetryTokens([OLD_KEY]);
  const during = new RetryTokens([NEW_KEY, OLD_KEY]);
  const after = new RetryTokens([NEW_KEY]);
  const old = before.mint(NOW_MS, ADDRESS, ODCID, SCID);
  const fresh = during.mint(NOW_MS, ADDRESS, ODCID, SCID);
  const open = (by: RetryTokens, token: Buffer): string => reason(by.open(NOW_MS, ADDRESS, token, SCID));
  assert.deepEqual([open(before, old), open(during, old), open(after, old)], ["valid", "valid", "forged"]);
  assert.deepEqual(
    [open(before, fresh), open(during, fresh), open(after, fresh)],
    ["forged", "valid", "valid"],
  );
});

test("every octet of it counts", () => {
  const token = tokens.mint(NOW_MS, ADDRESS, ODCID, SCID);
  for (let i = 0; i < token.length; i++) {
    const changed = Buffer.from(token);
    changed[i] = (changed[i] as number) ^ 0x80;
    const expected = i === 0 || i === 25 ? "malformed" : "forged";
    assert.equal(reason(tokens.open(NOW_MS, ADDRESS, changed, SCID)), expected, `octet ${i}`);
  }
  for (let cut = 0; cut < token.length; cut++)
    assert.equal(reason(tokens.open(NOW_MS, ADDRESS, token.subarray(0, cut), SCID)), "malformed");
  assert.equal(reason(tokens.open(NOW_MS, ADDRESS, Buffer.concat([token, ODCID]), SCID)), "malformed");
});

test("whatever octets come, they are refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (octets, start) => {
      const token = Buffer.from(start ? [1, ...octets] : octets);
      assert.equal(tokens.open(NOW_MS, ADDRESS, token, SCID).kind, "invalid");
    }),
  );
});

test("keys are of one length, and few", () => {
  assert.throws(() => new RetryTokens([]), AssertionFailure);
  assert.throws(() => new RetryTokens([Buffer.alloc(31)]), AssertionFailure);
  assert.throws(
    () => new RetryTokens(Array.from({ length: MAX_RETRY_KEYS + 1 }, () => NEW_KEY)),
    AssertionFailure,
  );
});
