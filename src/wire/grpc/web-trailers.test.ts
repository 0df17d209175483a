import assert from "node:assert/strict";
import test from "node:test";
import { Fields } from "../http/fields.ts";
import { webTrailersLength, writeWebTrailers } from "./web-trailers.ts";

test("trailers become one frame of lines with lower-case names", () => {
  const trailers = new Fields();
  trailers.addNamed("Grpc-Status", "0");
  trailers.addNamed("grpc-message", "All: Fine");
  const target = Buffer.alloc(2 + webTrailersLength(trailers));
  const end = writeWebTrailers(trailers, target, 2);
  const text = "grpc-status: 0\r\ngrpc-message: All: Fine\r\n";
  assert.equal(end, target.length);
  assert.equal(target[2], 0x80);
  assert.equal(target.readUInt32BE(3), text.length);
  assert.equal(target.latin1Slice(7, end), text);
});
