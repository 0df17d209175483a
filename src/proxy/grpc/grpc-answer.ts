/**
 * Answers of the gateway itself to a gRPC call: a status without a message, in one head ("Trailers-Only"
 * in gRPC over HTTP/2, "Responses").
 */
import { httpDate } from "../../wire/http/date.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import { Fields } from "../../wire/http/fields.ts";
import type { ResponseHead } from "../../wire/http/message.ts";
import { GrpcStatus, grpcStatusOf } from "../../wire/grpc/grpc-status.ts";
import type { Fault } from "../../base/fault.ts";

export const NO_TRAILERS = new Fields();

export interface Status {
  readonly code: GrpcStatus;
  /** Printable ASCII without `%`, which would have to be escaped. */
  readonly message: string;
}

/** What a fault is to the caller; its text never names a backend. */
export function statusOfFault(fault: Fault): Status {
  return { code: codeOfFault(fault), message: fault.row.text };
}

function codeOfFault(fault: Fault): GrpcStatus {
  if (fault.code === "grpc_deadline_exceeded") return GrpcStatus.deadlineExceeded;
  if (fault.code === "grpc_bad_timeout") return GrpcStatus.invalidArgument;
  return grpcStatusOf(fault.status);
}

/** Fills the head with a status and nothing else. */
export function statusHead(head: ResponseHead, status: Status, wallMs: number): void {
  head.clear();
  head.status = 200;
  head.fields.add(FieldId.date, httpDate(wallMs));
  head.fields.add(FieldId.contentType, "application/grpc");
  addStatus(head.fields, status);
}

/** The same as trailers, behind messages that have gone out. */
export function statusTrailers(status: Status): Fields {
  const trailers = new Fields();
  addStatus(trailers, status);
  return trailers;
}

export function addStatus(fields: Fields, { code, message }: Status): void {
  fields.addNamed("grpc-status", `${code}`);
  if (message !== "") fields.addNamed("grpc-message", message);
}
