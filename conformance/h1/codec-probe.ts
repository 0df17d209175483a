/**
 * Runs all Http11Probe cases through the request decoder alone. The vectors' verdicts are about an
 * origin server; here they are read for a parser: may it let the request through, may it refuse it with
 * this status, may it wait for more. What it lets through must have one unambiguous canonical form, and
 * the steps of a sequence must come out as they went in.
 */
import { FAULTS, type FaultCode } from "../../src/base/fault.ts";
import { canonicalProblem } from "../../test/support/h1-canonical.ts";
import { type RequestRecord, type Transcript, transcribeRequests } from "../../test/support/h1-transcript.ts";
import { loadCases, type ProbeCase } from "./gateway-cases.ts";
import type { CaseResult } from "./gateway-probe.ts";

/** Ways to cut the bytes; the outcome must be the same. */
const CUTS: readonly (readonly number[] | undefined)[] = [undefined, [1], [7, 1, 2], [64, 3]];

/** Results in the order of the file. */
export function runCodecProbe(file: URL): CaseResult[] {
  return loadCases(file).map((testCase) => ({ id: testCase.id, problem: problemOf(testCase) }));
}

function problemOf(testCase: ProbeCase): string | undefined {
  const steps = testCase.steps.map((step) => step([]));
  const bytes = Buffer.concat(steps);
  const transcripts = CUTS.map((pieces) => transcribeRequests(bytes, pieces === undefined ? {} : { pieces }));
  const [whole] = transcripts as [Transcript<RequestRecord>];
  for (const other of transcripts) {
    if (outcomeOf(other) !== outcomeOf(whole)) return "the outcome depends on how the bytes were cut";
  }
  for (const message of whole.messages) {
    const problem = message.ended ? canonicalProblem(message) : undefined;
    if (problem !== undefined) return problem;
  }
  return judge(testCase, whole, steps.length);
}

function outcomeOf(transcript: Transcript<RequestRecord>): string {
  return JSON.stringify([transcript.messages, transcript.fault]);
}

function judge(testCase: ProbeCase, seen: Transcript<RequestRecord>, steps: number): string | undefined {
  const { expected } = testCase;
  const said = `expected ${expected}; ${describe(seen)}`;
  if (seen.fault !== "") return mayRefuse(expected, seen.fault as FaultCode) ? undefined : said;
  const first = seen.messages[0];
  if (first === undefined || !first.ended) return /timeout|close/.test(expected) ? undefined : said;
  if (!mayPass(expected)) return said;
  if (/2xx \+ close|2xx\+close/.test(expected) && first.keepAlive) return said;
  if (expected.startsWith("Reject") && !framingAliasDropped(first)) return said;
  const complete = seen.messages.filter((message) => message.ended).length;
  return complete === steps ? undefined : `${said}; ${steps} requests were sent`;
}

/** A gateway may refuse where the verdict has our status, or a rejection in general. */
function mayRefuse(expected: string, fault: FaultCode): boolean {
  const { status } = FAULTS[fault];
  return expected.includes(String(status)) || /close|Reject/.test(expected);
}

/**
 * It may pass on what the verdict lets a server answer otherwise than by refusing the message: with a
 * success, or with a status that only the origin can choose.
 */
function mayPass(expected: string): boolean {
  return /2xx|\b20[0-9]\b|304|404|405|406|415|416|101|not 414|IMF|non-1xx|Reject|pass-through|follow-up|extra response/.test(
    expected,
  );
}

/** The field that looks like framing in other spelling is gone. */
function framingAliasDropped(message: RequestRecord): boolean {
  return !message.fields.some(([name]) => /content.length|transfer.encoding/i.test(name));
}

function describe(seen: Transcript<RequestRecord>): string {
  if (seen.fault !== "") return `refused with ${seen.fault} (${seen.detail})`;
  const ended = seen.messages.filter((message) => message.ended).length;
  return `${ended} of ${seen.messages.length} requests complete`;
}
