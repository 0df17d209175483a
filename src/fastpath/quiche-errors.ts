/**
 * The errors of quiche's binding as values. It tells them by the text of an exception only, which is the
 * name of quiche's error and, for two of them, a code: `StreamReset(268)`. All texts are read here.
 * An exception costs about 7 microseconds, so callers ask first where a cheap question can be asked.
 */
import { MAX_QUIC_INTEGER } from "./quic-engine.ts";

export type QuicheFailure =
  /** The peer has reset the stream. */
  | { readonly kind: "reset"; readonly code: number }
  /** The peer has sent STOP_SENDING. */
  | { readonly kind: "stopped"; readonly code: number }
  /** There is no such stream, not in this direction, or it has ended in it. */
  | { readonly kind: "no-stream" }
  /** Not now: nothing to do, or the peer's limit of streams is reached. */
  | { readonly kind: "blocked" }
  | { readonly kind: "other"; readonly text: string };

const NO_STREAM: QuicheFailure = { kind: "no-stream" };
const BLOCKED: QuicheFailure = { kind: "blocked" };

/** What a call of the binding threw. */
export function quicheFailure(error: unknown): QuicheFailure {
  const text = error instanceof Error ? error.message : String(error);
  switch (errorName(text)) {
    case "StreamReset":
      return { kind: "reset", code: errorCode(text) };
    case "StreamStopped":
      return { kind: "stopped", code: errorCode(text) };
    case "InvalidStreamState":
    case "FinalSize":
      return NO_STREAM;
    case "StreamLimit":
    case "Done":
      return BLOCKED;
    default:
      return { kind: "other", text };
  }
}

/** An error code as the binding has it: a peer may send more than a number can hold exactly. */
export function clampCode(code: number): number {
  return code >= 0 && code <= MAX_QUIC_INTEGER ? code : MAX_QUIC_INTEGER;
}

function errorName(text: string): string {
  const open = text.indexOf("(");
  return open < 0 ? text : text.slice(0, open);
}

function errorCode(text: string): number {
  return clampCode(Number(text.slice(text.indexOf("(") + 1, -1)));
}
