/** What a server answered to one case of h3spec, as `client/play.py` tells it, and whether it is right. */
import type { H3specCase } from "./h3spec-cases.ts";

/** A line of `client/play.py`; its own text says what the fields are. */
export interface H3specAnswer {
  readonly case: number;
  readonly problem: string | null;
  readonly close?: {
    readonly application: boolean;
    readonly code: number;
    readonly reason: string;
  } | null;
  readonly streams?: Readonly<
    Record<string, { readonly reset: number | null; readonly stop: number | null }>
  >;
  readonly probe?: number | null;
}

/** The answers among the lines of the program's output. */
export function readAnswers(output: string): Map<number, H3specAnswer> {
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  const answers = lines.map((line) => JSON.parse(line) as H3specAnswer);
  return new Map(answers.map((answer) => [answer.case, answer]));
}

/** What is wrong with the answer; undefined: nothing. */
export function problemOf(asked: H3specCase, answer: H3specAnswer | undefined): string | undefined {
  if (answer === undefined) return `${asked.title}: the client did not tell`;
  const right = asked.ofStream ? isStreamEnded(asked, answer) : isClosed(asked, answer);
  return right ? undefined : `${asked.title}: ${describe(answer)}`;
}

/** The connection, with a code of the layer that found the mistake. */
function isClosed({ byTransport, codes }: H3specCase, { close, problem }: H3specAnswer): boolean {
  if (close === undefined || close === null || problem !== null) return false;
  return close.application === !byTransport && codes.has(close.code);
}

/** One stream, and the next request is answered. */
function isStreamEnded({ codes }: H3specCase, { streams = {}, probe, problem }: H3specAnswer): boolean {
  const ends = Object.values(streams);
  const known = ends.some(({ reset, stop }) => codes.has(reset ?? -1) || codes.has(stop ?? -1));
  return known && probe === 200 && problem === null;
}

function describe({ problem, close, streams = {}, probe }: H3specAnswer): string {
  if (problem !== null) return problem;
  if (close !== undefined && close !== null) {
    const by = close.application ? "the application" : "the transport";
    return `the connection was closed with code ${hex(close.code)} of ${by} (${close.reason})`;
  }
  const ends = Object.entries(streams).map(([id, end]) => `stream ${id}: ${JSON.stringify(end)}`);
  const after = probe === null ? "nothing was answered" : `a request was answered with ${probe}`;
  return [...ends, `the connection was not closed, ${after}`].join("; ");
}

function hex(code: number): string {
  return `0x${code.toString(16)}`;
}
