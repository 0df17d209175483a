/** What ended a stream or a connection before its time, as a value (RFC 9113 section 5.4). */
import type { BudgetKind } from "../multiplexed/abuse-budget.ts";
import type { CodecError } from "../multiplexed/codec.ts";
import { H2Code, h2CodeName } from "./error-code.ts";

/** `peer`: it sent RST_STREAM or GOAWAY. `local`: it broke the protocol, and we sent one. `closed`: the connection is gone. */
export type H2ErrorOrigin = "peer" | "local" | "closed";

export class H2Error implements CodecError {
  readonly origin: H2ErrorOrigin;
  /** `H2Code`, or what the peer sent. */
  readonly code: number;
  /** What was seen, for the log. */
  readonly text: string;
  /** The budget that was overdrawn; empty for every other error. */
  readonly budget: BudgetKind | "";
  /** The peer has said that it has not processed the stream: the request may be sent again (RFC 9113 section 8.7). */
  readonly unprocessed: boolean;

  constructor(origin: H2ErrorOrigin, code: number, text: string, options: H2ErrorOptions = {}) {
    this.origin = origin;
    this.code = code;
    this.text = text;
    this.budget = options.budget ?? "";
    this.unprocessed = options.unprocessed ?? false;
  }

  /** The peer had no room for the stream. */
  get refused(): boolean {
    return this.code === H2Code.refusedStream;
  }

  toString(): string {
    return this.text === "" ? h2CodeName(this.code) : `${h2CodeName(this.code)}: ${this.text}`;
  }
}

export interface H2ErrorOptions {
  readonly budget?: BudgetKind;
  readonly unprocessed?: boolean;
}
