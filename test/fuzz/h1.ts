/**
 * Fuzzes the HTTP/1.1 codec. A mutation fuzzer, not fast-check: the bugs that matter here sit near valid
 * messages, a change or two away, where mutating real ones gets at once and a generator of arbitrary
 * values seldom; inputs are small enough to need no shrinking; and plain loops try some ten thousand
 * inputs a second. (fast-check runs in the unit tests, on structured input.)
 *
 * For every input: nothing throws, hangs or reads outside its bytes; every cut gives the same messages
 * and the same fault; no separator gets into a part of a message; and what was accepted has one
 * canonical form, which our decoder and an independent parser read back as the same message.
 */
import { DEFAULT_H1_LIMITS, type H1Limits, type H1RequestPolicy } from "../../src/wire/h1/h1-limits.ts";
import { HttpVersion } from "../../src/wire/http/message.ts";
import { canonicalProblem, canonicalResponseProblem } from "../support/h1-canonical.ts";
import { type RequestRecord, transcribeRequests, transcribeResponses } from "../support/h1-transcript.ts";
import { dirt } from "./dirt.ts";
import { H1_CHANGES } from "./h1-changes.ts";
import { loadSeeds, type Seeds } from "./h1-seeds.ts";
import { mutate } from "./mutate.ts";
import { caught, pieces } from "./pieces.ts";
import type { Random } from "./random.ts";

const LIMITS: readonly H1Limits[] = [
  DEFAULT_H1_LIMITS,
  DEFAULT_H1_LIMITS,
  {
    maxHeaderBytes: 200,
    maxHeaders: 4,
    maxTrailerBytes: 30,
    maxChunkLineBytes: 12,
    maxChunkOverheadBytes: 20,
  },
];

const POLICIES: readonly H1RequestPolicy[] = [
  { headerUnderscorePolicy: "reject", strictTe: false },
  { headerUnderscorePolicy: "drop", strictTe: false },
  { headerUnderscorePolicy: "allow", strictTe: false },
  { headerUnderscorePolicy: "allow", strictTe: true },
];

const MAX_BYTES = 16_384;

const METHODS = [[], ["HEAD"], ["GET", "HEAD"]] as const;

/** One input; returns it in a form that can be repeated, with what is wrong with it, or undefined. */
export function createH1Target(vectors: URL): (random: Random) => string | undefined {
  const seeds = loadSeeds(vectors);
  return (random) => (random.once(4) ? fuzzResponses(seeds, random) : fuzzRequests(seeds, random));
}

function fuzzRequests(seeds: Seeds, random: Random): string | undefined {
  const bytes = mutated(seeds.requests, random);
  const options = { limits: random.pick(LIMITS), policy: random.pick(POLICIES), finish: true };
  return guarded(bytes, () => {
    const whole = transcribeRequests(bytes, options);
    const cut = transcribeRequests(bytes, { ...options, pieces: pieces(random) });
    if (JSON.stringify([whole.messages, whole.fault]) !== JSON.stringify([cut.messages, cut.fault])) {
      return `whole: ${JSON.stringify(whole)}, cut: ${JSON.stringify(cut)}`;
    }
    for (const message of whole.messages) {
      const problem = dirt(message) ?? (message.ended ? canonicalProblem(message) : undefined);
      if (problem !== undefined) return problem;
    }
    return whole.messages[0] === undefined ? undefined : ambiguity(bytes, whole.messages[0]);
  });
}

function fuzzResponses(seeds: Seeds, random: Random): string | undefined {
  const bytes = mutated(seeds.responses, random);
  const options = { limits: random.pick(LIMITS), methods: random.pick(METHODS), finish: true };
  return guarded(bytes, () => {
    const whole = transcribeResponses(bytes, options);
    const cut = transcribeResponses(bytes, { ...options, pieces: pieces(random) });
    if (JSON.stringify([whole.messages, whole.fault]) !== JSON.stringify([cut.messages, cut.fault])) {
      return `whole: ${JSON.stringify(whole)}, cut: ${JSON.stringify(cut)}`;
    }
    for (const message of whole.messages) {
      const final = message.ended && message.status >= 200;
      const problem = dirt(message) ?? (final ? canonicalResponseProblem(message) : undefined);
      if (problem !== undefined) return problem;
    }
    return undefined;
  });
}

function mutated(seeds: readonly Buffer[], random: Random): Buffer {
  return mutate(random.pick(seeds), seeds, H1_CHANGES, random).subarray(0, MAX_BYTES);
}

function guarded(bytes: Buffer, check: () => string | undefined): string | undefined {
  const problem = caught(check);
  return problem === undefined ? undefined : `${JSON.stringify(bytes.latin1Slice())}\n  ${problem}`;
}

/**
 * A crude second look at the first head, as a backend that splits at line ends might take it: what was
 * accepted must not leave it a choice of framing or of host.
 */
function ambiguity(bytes: Buffer, message: RequestRecord): string | undefined {
  const text = bytes.latin1Slice().replace(/^(?:\r\n)+/, "");
  const [, ...lines] = text.slice(0, text.indexOf("\r\n\r\n")).split(/\r\n|\r|\n/);
  const values = (name: string) =>
    lines
      .filter((line) => line.slice(0, line.indexOf(":")).trim().toLowerCase() === name)
      .map((line) => line.slice(line.indexOf(":") + 1).trim());
  const codings = values("transfer-encoding");
  const lengths = values("content-length");
  if (codings.length > 0 && lengths.length > 0) return "Content-Length and Transfer-Encoding passed";
  if (codings.length > 1 || codings.some((coding) => coding.toLowerCase() !== "chunked"))
    return "codings passed";
  if (lengths.some((length) => !/^[0-9]+$/.test(length) || BigInt(length) !== BigInt(message.bodyLength))) {
    return "a Content-Length passed that is not the body's";
  }
  if (values("host").length !== 1 && (message.version !== HttpVersion.http10 || values("host").length > 1)) {
    return "not exactly one Host passed";
  }
  return lines.some((line) => /^[ \t]/.test(line)) ? "a folded line passed" : undefined;
}
