import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELD_NAMES, FieldId } from "../http/field-id.ts";
import { RequestHead, ResponseHead } from "../http/message.ts";
import { H1Event } from "./h1-event.ts";
import { DEFAULT_H1_LIMITS } from "./h1-limits.ts";
import { NO_FIELD, ReaderMemory } from "./reader-memory.ts";
import { RequestDecoder } from "./request-decoder.ts";
import { ResponseDecoder } from "./response-decoder.ts";

type Read = readonly [event: H1Event, fields: [string, string][]];

function readResponse(memory: ReaderMemory, lines: readonly string[]): Read {
  const head = new ResponseHead();
  const decoder = new ResponseDecoder(DEFAULT_H1_LIMITS, memory);
  decoder.begin(head, "GET");
  const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join("\r\n")}\r\n\r\n`, "latin1");
  decoder.next(bytes, 0, bytes.length);
  return [decoder.event, head.fields.toArray()];
}

/** One that has seen this name behind the status line, whatever decoder read it. */
function expecting(name: string): ReaderMemory {
  const memory = new ReaderMemory();
  readResponse(memory, [`${name}: 1`]);
  return memory;
}

test("a field is foreseen behind the one that it followed last", () => {
  const memory = new ReaderMemory();
  assert.equal(memory.foresee(NO_FIELD), FieldId.other);
  readResponse(memory, ["Server: a", "Date: b", "X-Other: c", "Age: 1"]);
  assert.equal(memory.foresee(NO_FIELD), FieldId.server);
  assert.equal(memory.foresee(FieldId.server), FieldId.date);
  assert.equal(memory.foresee(FieldId.date), FieldId.other);
  assert.equal(memory.foresee(FieldId.other), FieldId.other, "nothing behind what may be any field");
});

test("what is foreseen changes nothing of what is read", () => {
  const names = FIELD_NAMES.slice(1).filter(
    (name) => !["Content-Length", "Transfer-Encoding"].includes(name),
  );
  for (const name of names) {
    const memory = expecting(name);
    for (const line of [
      name,
      name.toUpperCase(),
      name.toLowerCase(),
      `${name}s`,
      name.slice(1),
      `x-${name}`,
    ]) {
      const lines = [`${line}: value`];
      assert.deepEqual(readResponse(memory, lines), readResponse(new ReaderMemory(), lines), line);
    }
  }
});

test("no octet but those of the name is taken for a foreseen name", () => {
  for (const name of ["Content-Type", "HTTP2-Settings", "Date", "X-Request-ID"]) {
    for (let at = 0; at < name.length; at++) {
      for (let octet = 0; octet < 256; octet++) {
        const line = `${name.slice(0, at)}${String.fromCharCode(octet)}${name.slice(at + 1)}: value`;
        const fresh = readResponse(new ReaderMemory(), [line]);
        assert.deepEqual(readResponse(expecting(name), [line]), fresh, `${name}: ${octet} at ${at}`);
      }
    }
  }
});

test("a foreseen name needs its colon at once, and its line a whole end", () => {
  for (const line of ["Date : x", "Date\t: x", "Date", "Date:", "Date:x", "Date:  x", "Date: x\n", "Dat"]) {
    assert.deepEqual(
      readResponse(expecting("Date"), [line]),
      readResponse(new ReaderMemory(), [line]),
      JSON.stringify(line),
    );
  }
});

test("requests of several connections are read alike, cut anywhere", () => {
  const memory = new ReaderMemory();
  const text = "GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: b\xe9\tc\r\nCookie: d=e\r\nX-A: f\r\n\r\n";
  const bytes = Buffer.from(text, "latin1");
  for (let cut = 0; cut <= bytes.length; cut++) {
    const decoder = new RequestDecoder(
      DEFAULT_H1_LIMITS,
      { headerUnderscorePolicy: "reject", strictTe: true },
      memory,
    );
    const head = new RequestHead();
    decoder.begin(head);
    const start = decoder.next(bytes, 0, cut);
    if (decoder.event === H1Event.needMore) decoder.next(bytes, start, bytes.length);
    assert.equal(decoder.event, H1Event.head, `cut at ${cut}`);
    assert.equal(head.authority, "a.example");
    assert.deepEqual(head.fields.toArray(), [
      ["User-Agent", "b\xe9\tc"],
      ["Cookie", "d=e"],
      ["X-A", "f"],
    ]);
  }
});
