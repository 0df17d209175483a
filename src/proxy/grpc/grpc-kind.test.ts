import assert from "node:assert/strict";
import test from "node:test";
import { FieldId } from "../../wire/http/field-id.ts";
import { RequestHead } from "../../wire/http/message.ts";
import { type GrpcKind, grpcKindOf } from "./grpc-kind.ts";

function kindOf(type: string, method = "POST"): GrpcKind {
  const head = new RequestHead();
  head.method = method;
  head.fields.add(FieldId.contentType, type);
  return grpcKindOf(head);
}

test("the content type tells a call, in any letter case, with a suffix or parameters", () => {
  const rows: readonly [string, GrpcKind][] = [
    ["application/grpc", "grpc"],
    ["Application/GRPC+proto", "grpc"],
    ["application/grpc;charset=utf-8", "grpc"],
    ["application/grpc ; x", "grpc"],
    ["application/grpc-web", "web"],
    ["application/grpc-web+proto", "web"],
    ["application/grpc-web-text", "web-text"],
    ["application/grpc-web-text+proto", "web-text"],
    ["application/grpcx", "none"],
    ["application/grpc-webx", "none"],
    ["application/grpc-web-textual", "none"],
    ["application/json", "none"],
    ["application/grp", "none"],
  ];
  for (const [type, kind] of rows) assert.equal(kindOf(type), kind, type);
});

test("only POST is a call", () => {
  assert.equal(kindOf("application/grpc", "GET"), "none");
});
