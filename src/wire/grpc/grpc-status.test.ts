import assert from "node:assert/strict";
import test from "node:test";
import { grpcStatusOf, httpStatusOf } from "./grpc-status.ts";

test("an HTTP status without a gRPC status has a meaning to the caller", () => {
  const rows: readonly [number, number][] = [
    [400, 13],
    [401, 16],
    [403, 7],
    [404, 12],
    [409, 10],
    [429, 14],
    [499, 1],
    [500, 13],
    [501, 12],
    [502, 14],
    [503, 14],
    [504, 14],
    [418, 2],
  ];
  for (const [http, grpc] of rows) assert.equal(grpcStatusOf(http), grpc, `${http}`);
});

test("a gRPC status has an HTTP status for logs", () => {
  const rows: readonly [number, number][] = [
    [0, 200],
    [1, 499],
    [3, 400],
    [4, 504],
    [5, 404],
    [7, 403],
    [8, 429],
    [12, 501],
    [14, 503],
    [16, 401],
    [17, 500],
    [-1, 500],
  ];
  for (const [grpc, http] of rows) assert.equal(httpStatusOf(grpc), http, `${grpc}`);
});
