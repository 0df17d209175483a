/** Methods, known and unknown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { methodOf } from "./method.ts";

const NAMES =
  "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH QUERY PURGE";

test("a method is what stands on the wire, known or not, in its case", () => {
  const others = ["get", "GETX", "GEX", "P", "BREW", "M-SEARCH", "PUTT", "Post", "\u00d0ET"];
  for (const name of [...NAMES.split(" "), ...others]) {
    const bytes = Buffer.from(`(${name})`, "latin1");
    assert.equal(methodOf(bytes, 1, bytes.length - 1), name);
  }
});
