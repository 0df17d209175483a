import assert from "node:assert/strict";
import { it } from "node:test";
import { HttpVersion, RequestHead } from "../http/message.ts";
import { endOf } from "./body-end.ts";

it("a body of known length ends its stream only where no trailers can follow", () => {
  const head = new RequestHead();
  for (const [version, length, end] of [
    [HttpVersion.http10, 5, 5],
    [HttpVersion.http11, 5, 5],
    [HttpVersion.http2, 5, -1],
    [HttpVersion.http3, 5, -1],
    [HttpVersion.http11, 0, -1],
    [HttpVersion.http11, -1, -1],
  ] as const) {
    head.version = version;
    head.bodyLength = length;
    assert.equal(endOf(head), end, `${version} ${length}`);
  }
});
