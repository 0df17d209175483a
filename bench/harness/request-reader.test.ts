/** The reading backend finds the ends of requests wherever the reads are cut. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { RequestReader, type ReadRequest } from "./request-reader.ts";

const GET = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const SIZED = "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n0\r\n\r\n";
const CHUNKED =
  "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\na;x=y\r\n0123\r\n\r\n89\r\n1\r\nz\r\n0\r\nT: v\r\n\r\n";
const EMPTY_CHUNKED = "POST /d HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";

const ALL = Buffer.from(GET + SIZED + CHUNKED + EMPTY_CHUNKED + GET, "latin1");
const EXPECTED = ["GET /a 0", "POST /b 5", "POST /c 11", "POST /d 0", "GET /a 0"];

function read(cuts: readonly number[]): string[] {
  const found: string[] = [];
  const reader = new RequestReader(({ head, bodyBytes }: ReadRequest) => {
    found.push(`${head.slice(0, head.indexOf(" HTTP"))} ${bodyBytes}`);
  });
  const points = [0, ...cuts.toSorted((a, b) => a - b), ALL.length];
  for (let i = 1; i < points.length; i++) reader.push(ALL.subarray(points[i - 1], points[i]));
  return found;
}

describe("RequestReader", () => {
  it("finds requests in one read", () => assert.deepEqual(read([]), EXPECTED));

  it("finds them byte by byte", () =>
    assert.deepEqual(read(Array.from({ length: ALL.length }, (_, i) => i)), EXPECTED));

  it("finds them at random cuts", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(ALL.length), { maxLength: 12 }), (cuts) =>
        assert.deepEqual(read(cuts), EXPECTED),
      ),
    );
  });

  it("refuses a head without an end and a chunk without a size", () => {
    assert.throws(() => new RequestReader(() => {}).push(Buffer.alloc(20_000, "a")), /too long/);
    const bad = Buffer.from("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    assert.throws(() => new RequestReader(() => {}).push(bad), /no size/);
  });
});
