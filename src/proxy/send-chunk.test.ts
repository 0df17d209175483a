import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MemoryTransport } from "../../test/support/memory-transport.ts";
import { sendChunk } from "./send-chunk.ts";

function chunked(text: string, before = "", after = ""): string {
  const transport = new MemoryTransport();
  const connection = transport.connect(
    { host: "10.0.0.1", port: 80, tls: null },
    { onConnect() {}, onData() {}, onEnd() {}, onDrain() {}, onClose() {} },
  );
  const bytes = Buffer.from(before + text + after, "latin1");
  sendChunk(transport, connection, bytes, before.length, before.length + text.length);
  transport.flush();
  return transport.dials[0]?.peer.text ?? "";
}

test("a chunk is its size in hexadecimal, its bytes and CRLF, in one piece", () => {
  assert.equal(chunked("a"), "1\r\na\r\n");
  assert.equal(chunked("x".repeat(255)), `ff\r\n${"x".repeat(255)}\r\n`);
  assert.equal(chunked("x".repeat(65_536)), `10000\r\n${"x".repeat(65_536)}\r\n`);
});

test("only the bytes between start and end are sent", () => {
  const octets = fc
    .string({ unit: "binary", maxLength: 50 })
    .map((text) => Buffer.from(text, "latin1").toString("latin1"));
  fc.assert(
    fc.property(octets, octets, octets, (before, text, after) => {
      fc.pre(text !== "");
      assert.equal(chunked(text, before, after), `${text.length.toString(16)}\r\n${text}\r\n`);
    }),
  );
});

test("an empty chunk would end the body: it is our own mistake", () => {
  assert.throws(() => chunked(""), /empty chunk/);
});
