/** The bounds of the request decoder, the same wherever its bytes are cut. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_H1_LIMITS } from "./h1-limits.ts";
import { accepts, bytesOf, decode, HEAD, refuses } from "../../../test/support/h1-requests.ts";
import { transcribeRequests } from "../../../test/support/h1-transcript.ts";

test("the size of a head is bounded, wherever its bytes are", () => {
  const limits = { ...DEFAULT_H1_LIMITS, maxHeaderBytes: 400 };
  const options = { limits };
  const fill = (length: number) => `${HEAD}X: ${"x".repeat(length - HEAD.length - 7)}\r\n\r\n`;
  assert.equal(fill(400).length, 400);
  accepts(fill(400), options);
  refuses(fill(401), "headers_too_large", options);
  refuses(`${HEAD}X: ${"x".repeat(5000)}`, "headers_too_large", options);
  refuses(`${HEAD}${"x".repeat(5000)}`, "headers_too_large", options);
  refuses(`GET /${"x".repeat(201)} HTTP/1.1\r\nHost: a\r\n\r\n`, "target_too_long", options);
  refuses(`GET /${"x".repeat(5000)}`, "target_too_long", options);
  refuses("M".repeat(5000), "bad_request", options);
  refuses(`GET ${"M".repeat(5000)}\n`, "target_too_long", options);
});

test("the number of fields is bounded, dropped ones included", () => {
  const limits = { ...DEFAULT_H1_LIMITS, maxHeaders: 3 };
  const options = { limits, policy: { headerUnderscorePolicy: "drop", strictTe: false } as const };
  accepts(`${HEAD}A: 1\r\nB: 2\r\n\r\n`, options);
  refuses(`${HEAD}A: 1\r\nB: 2\r\nC: 3\r\n\r\n`, "headers_too_large", options);
  refuses(`${HEAD}A_: 1\r\nB_: 2\r\nC_: 3\r\n\r\n`, "headers_too_large", options);
});

test("trailers and chunk-size lines are bounded", () => {
  const limits = { ...DEFAULT_H1_LIMITS, maxTrailerBytes: 40, maxChunkLineBytes: 20, maxHeaders: 3 };
  const post = (body: string) =>
    decode(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`, { limits }).fault;
  assert.equal(post(`0\r\nX: ${"x".repeat(33)}\r\n\r\n`), "");
  assert.equal(post(`0\r\nX: ${"x".repeat(34)}\r\n\r\n`), "headers_too_large");
  assert.equal(post("0\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n"), "headers_too_large");
  assert.equal(post(`1;${"x".repeat(16)}\r\nx\r\n`), "");
  assert.equal(post(`1;${"x".repeat(17)}\r\nx\r\n`), "bad_request");
  assert.equal(post(`1;${"x".repeat(100)}`), "bad_request");
});

test("floods of chunk framing end in a fault, real chunks do not", () => {
  const flood = (count: number, chunk: string) => {
    const head = bytesOf("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const body = bytesOf(chunk.repeat(count));
    return transcribeRequests(Buffer.concat([head, body])).fault;
  };
  assert.equal(flood(100_000, "1\r\nx\r\n"), "bad_request");
  assert.equal(flood(10_000, `64;${"e".repeat(200)}\r\n${"x".repeat(100)}\r\n`), "bad_request");
  assert.equal(flood(100_000, "a\r\n0123456789\r\n"), "");
  assert.equal(flood(10_000, "1\r\nx\r\n"), "");
});
