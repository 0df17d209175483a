/** The same mistake has another name by who made it: the client (4xx) or the backend (502). */
import type { FaultCode } from "../../base/fault.ts";

export interface FaultCodes {
  /** A line that does not follow the grammar. */
  readonly syntax: FaultCode;
  /** Framing that two readers could read in two ways. */
  readonly framing: FaultCode;
  /** A transfer coding other than chunked. */
  readonly coding: FaultCode;
  /** A section over its limits. */
  readonly tooLarge: FaultCode;
  /** The peer ended inside a head. */
  readonly truncatedHead: FaultCode;
  /** The peer ended inside a body. */
  readonly truncatedBody: FaultCode;
}

export const REQUEST_FAULTS: FaultCodes = {
  syntax: "bad_request",
  framing: "request_smuggling",
  coding: "unsupported_transfer_coding",
  tooLarge: "headers_too_large",
  truncatedHead: "bad_request",
  truncatedBody: "client_closed",
};

export const RESPONSE_FAULTS: FaultCodes = {
  syntax: "upstream_malformed",
  framing: "upstream_malformed",
  coding: "upstream_malformed",
  tooLarge: "upstream_malformed",
  truncatedHead: "upstream_closed",
  truncatedBody: "upstream_closed",
};
