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
import {
  type RequestRecord,
  type ResponseRecord,
  transcribeRequests,
  transcribeResponses,
} from "../support/h1-transcript.ts";
import { loadSeeds, type Seeds } from "./h1-seeds.ts";
import { mutate } from "./mutate.ts";
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

const METHODS = [[], ["HEAD"], ["GET", "HEAD"]] as const;

/** One input; returns it in a form that can be repeated, with what is wrong with it, or undefined. */
export function createH1Target(vectors: URL): (random: Random) => string | undefined {
  const seeds = loadSeeds(vectors);
  return (random) => (random.once(4) ? fuzzResponses(seeds, random) : fuzzRequests(seeds, random));
}

function fuzzRequests(seeds: Seeds, random: Random): string | undefined {
  const bytes = mutate(random.pick(seeds.requests), seeds.requests, random);
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
  const bytes = mutate(random.pick(seeds.responses), seeds.responses, random);
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

/** Sizes of pieces: all of one size, or mixed. */
function pieces(random: Random): number[] {
  if (random.once(3)) return [1];
  return Array.from({ length: 1 + random.below(6) }, () => 1 + random.below(random.pick([3, 40, 400])));
}

function guarded(bytes: Buffer, check: () => string | undefined): string | undefined {
  let problem: string | undefined;
  try {
    problem = check();
  } catch (error) {
    problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
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

/** What must never be in the parts of a message, whatever its bytes were. */
function dirt(message: RequestRecord | ResponseRecord): string | undefined {
  for (const [name, value] of [...message.fields, ...message.trailers]) {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return `field name ${JSON.stringify(name)}`;
    if (/[^\t\x20-\x7e\x80-\xff]|^[\t ]|[\t ]$/.test(value)) return `field value ${JSON.stringify(value)}`;
  }
  if (!("method" in message)) return undefined;
  const { method, path, authority } = message;
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/.test(method)) return `method ${JSON.stringify(method)}`;
  if (!/^(?:\*|\/[!"$-~]*)$/.test(path)) return `path ${JSON.stringify(path)}`;
  return /^[!$&'()*+\-.0-9:;=A-Z[\]_a-z~]*$/.test(authority)
    ? undefined
    : `authority ${JSON.stringify(authority)}`;
}
