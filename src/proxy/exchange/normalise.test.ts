import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Fields } from "../../wire/http/fields.ts";
import { RequestHead, ResponseHead } from "../../wire/http/message.ts";
import { normaliseRequest, normaliseResponse } from "./normalise.ts";

/** What is left of fields, for a request and for a response alike. */
function left(pairs: readonly (readonly [string, string])[]): string[] {
  const request = new RequestHead();
  const response = new ResponseHead();
  for (const [name, value] of pairs) {
    const bytes = Buffer.from(name + value, "latin1");
    for (const fields of [request.fields, response.fields] satisfies Fields[]) {
      fields.addBytes(bytes, 0, name.length, name.length, bytes.length);
    }
  }
  normaliseRequest(request);
  normaliseResponse(response);
  const names = request.fields.toArray().map(([name]) => name);
  assert.deepEqual(
    response.fields.toArray().map(([name]) => name),
    names,
  );
  return names;
}

const HOP_BY_HOP = [
  "Connection",
  "Keep-Alive",
  "Proxy-Connection",
  "Proxy-Authenticate",
  "Proxy-Authorization",
  "TE",
  "Trailer",
  "Transfer-Encoding",
  "Content-Length",
  "Upgrade",
  "HTTP2-Settings",
];

test("fields of one hop stop here, in whatever spelling; others pass in their order", () => {
  const pairs = HOP_BY_HOP.flatMap((name, i) => [
    [name, "x"] as const,
    [`X-${i}`, "y"] as const,
    [name.toUpperCase(), "z"] as const,
    [name.toLowerCase(), ""] as const,
  ]);
  assert.deepEqual(
    left(pairs),
    HOP_BY_HOP.map((_, i) => `X-${i}`),
  );
});

test("fields that Connection names stop here as well, wherever they stand", () => {
  assert.deepEqual(
    left([
      ["X-Before", "1"],
      ["Cookie", "c"],
      ["Connection", "close,  x-before ,\tX-AFTER, cookie"],
      ["X-After", "2"],
      ["x-after", "3"],
      ["X-After-All", "4"],
      ["Connection", "x-third"],
      ["X-Third", "5"],
    ]),
    ["X-After-All"],
  );
});

test("options that name no field, and nonsense, remove nothing", () => {
  for (const value of [
    "close",
    "keep-alive",
    "upgrade",
    "",
    ",,, ,",
    "x y",
    "x;q=1",
    '"x"',
    "\xe9",
    "x-long-name",
  ]) {
    assert.deepEqual(
      left([
        ["Connection", value],
        ["X", "1"],
        ["X-Long", "2"],
      ]),
      ["X", "X-Long"],
      value,
    );
  }
});

test("the order is kept and exactly the named fields are gone", () => {
  const name = fc.constantFrom("A", "bb", "X-C", "Cookie", "User-Agent", "x-d");
  fc.assert(
    fc.property(
      fc.array(name, { maxLength: 15 }),
      fc.subarray(["a", "BB", "x-c", "cookie"]),
      (names, named) => {
        const pairs = names.map((each) => [each, "v"] as const);
        const gone = new Set(named.map((each) => each.toLowerCase()));
        assert.deepEqual(
          left([...pairs, ["Connection", named.join(", ")]]),
          names.filter((each) => !gone.has(each.toLowerCase())),
        );
      },
    ),
  );
});
