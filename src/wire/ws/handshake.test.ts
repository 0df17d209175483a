import assert from "node:assert/strict";
import { test } from "node:test";
import { isWebSocketKey, KEY_BYTES, webSocketAccept, webSocketKey } from "./handshake.ts";

test("the answer to the key of RFC 6455 section 1.3 is the one that stands there", () => {
  assert.equal(webSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

test("a key is 16 octets in base64, and nothing else", () => {
  assert.ok(isWebSocketKey(webSocketKey(Buffer.alloc(KEY_BYTES, 0xfb))));
  assert.ok(isWebSocketKey("dGhlIHNhbXBsZSBub25jZQ=="));
  for (const text of [
    "",
    "dGhlIHNhbXBsZSBub25jZQ",
    "dGhlIHNhbXBsZSBub25jZQ= ",
    "dGhlIHNhbXBsZSBub25jZS4=",
    "dGhlIHNhbXBsZSBub25jZQ==\n",
    "dGhlIHNhbXBsZSBub25jZ_==",
    "AAAA",
    "x".repeat(24),
  ]) {
    assert.equal(isWebSocketKey(text), false, JSON.stringify(text));
  }
});
