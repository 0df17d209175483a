/** What ended a stream or a connection before its time, as a value (RFC 9114 section 8). */
import type { BudgetKind } from "../multiplexed/abuse-budget.ts";
import type { CodecError } from "../multiplexed/codec.ts";
import { H3Code, h3CodeName } from "./error-code.ts";

/** `peer`: it reset the stream, or gave it up by GOAWAY. `local`: it broke the protocol. `closed`: the connection is gone. */
export type H3ErrorOrigin = "peer" | "local" | "closed";

export class H3Error implements CodecError {
  readonly origin: H3ErrorOrigin;
  /** What it has ended: a stream, or the connection with all that were open. */
  readonly scope: "stream" | "connection";
  /** `H3Code`, or what the peer sent. */
  readonly code: number;
  /** What was seen, for the log. */
  readonly text: string;
  /** The budget that was overdrawn; empty for every other error. */
  readonly budget: BudgetKind | "";
  /** The peer has said that it has not processed the stream: the request may be sent again (RFC 9114 section 4.1.1). */
  readonly unprocessed: boolean;

  constructor(origin: H3ErrorOrigin, code: number, text: string, options: H3ErrorOptions = {}) {
    this.origin = origin;
    this.scope = options.scope ?? "stream";
    this.code = code;
    this.text = text;
    this.budget = options.budget ?? "";
    this.unprocessed = options.unprocessed ?? false;
  }

  /** The peer had no room for the stream. */
  get refused(): boolean {
    return this.code === H3Code.requestRejected;
  }

  toString(): string {
    return this.text === "" ? h3CodeName(this.code) : `${h3CodeName(this.code)}: ${this.text}`;
  }
}

export interface H3ErrorOptions {
  readonly scope?: "stream" | "connection";
  readonly budget?: BudgetKind;
  readonly unprocessed?: boolean;
}
