/** Whether a request is a gRPC call, by its content type (feature row A11.1; gRPC-Web: feature row B20). */
import { equalsLower, FieldId } from "../../wire/http/field-id.ts";
import type { Fields } from "../../wire/http/fields.ts";
import type { RequestHead } from "../../wire/http/message.ts";

/** `web`: binary; `web-text`: the same in Base64. */
export type GrpcKind = "none" | "grpc" | "web" | "web-text";

const GRPC = Buffer.from("application/grpc", "latin1");
const WEB = Buffer.from("-web", "latin1");
const TEXT = Buffer.from("-text", "latin1");

/** `+`, `;`, SP, HTAB: a subtype suffix or parameters follow. */
const FOLLOWERS: readonly number[] = [0x2b, 0x3b, 0x20, 0x09];

/** What a request calls; only POST is a call. */
export function grpcKindOf(head: RequestHead): GrpcKind {
  return head.method === "POST" ? contentKindOf(head.fields) : "none";
}

/** What the content type of a message says. */
export function contentKindOf(fields: Fields): GrpcKind {
  const index = fields.find(FieldId.contentType);
  if (index === -1) return "none";
  const end = fields.valueEnd(index);
  const start = fields.valueStart(index);
  const afterGrpc = start + GRPC.length;
  if (!startsWith(fields, start, end, GRPC)) return "none";
  if (endsAt(fields, afterGrpc, end)) return "grpc";
  if (!startsWith(fields, afterGrpc, end, WEB)) return "none";
  const afterWeb = afterGrpc + WEB.length;
  if (endsAt(fields, afterWeb, end)) return "web";
  const isText = startsWith(fields, afterWeb, end, TEXT) && endsAt(fields, afterWeb + TEXT.length, end);
  return isText ? "web-text" : "none";
}

function startsWith({ bytes }: Fields, start: number, end: number, lower: Buffer): boolean {
  return start + lower.length <= end && equalsLower(bytes, start, start + lower.length, lower);
}

function endsAt({ bytes }: Fields, position: number, end: number): boolean {
  return position === end || FOLLOWERS.includes(bytes[position] as number);
}
