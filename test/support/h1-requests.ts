/** What the request decoder's tests share: decode, demand the same byte by byte, and judge. */
import assert from "node:assert/strict";
import { type RequestRecord, transcribeRequests, type TranscribeOptions } from "./h1-transcript.ts";

/** A head without its empty line. */
export const HEAD = "GET / HTTP/1.1\r\nHost: a.example\r\n";

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** Decodes whole and byte by byte, demands the same, and returns it. */
export function decode(text: string, options: TranscribeOptions = {}) {
  const whole = transcribeRequests(bytesOf(text), options);
  const single = transcribeRequests(bytesOf(text), { ...options, pieces: [1] });
  assert.deepEqual(
    { messages: single.messages, fault: single.fault },
    { messages: whole.messages, fault: whole.fault },
    "whole and byte by byte differ",
  );
  return whole;
}

export function accepts(text: string, options: TranscribeOptions = {}): RequestRecord {
  const result = decode(text, options);
  assert.equal(result.fault, "", `${JSON.stringify(text)}: ${result.detail}`);
  assert.equal(result.messages.length, 1, JSON.stringify(text));
  const message = result.messages[0] as RequestRecord;
  assert.ok(message.ended, `not complete: ${JSON.stringify(text)}`);
  return message;
}

export function refuses(text: string, fault: string, options: TranscribeOptions = {}): void {
  const result = decode(text, options);
  assert.equal(result.fault, fault, `${JSON.stringify(text.slice(0, 200))} ${result.detail}`);
  assert.ok(!result.messages.some((message) => message.ended), "a refused request was complete before");
}
