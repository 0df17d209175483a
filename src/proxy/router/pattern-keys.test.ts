import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hostKeyOf, hostRunOf, type PatternKey, pathKeyOf } from "./pattern-keys.ts";
import { checkPattern, Pattern } from "./rule-pattern.ts";

const key = (text: string, exact = false, complete = false): PatternKey => ({
  key: { exact, text },
  complete,
});
const none: PatternKey = { key: undefined, complete: false };
const all: PatternKey = { key: undefined, complete: true };

test("expressions for hosts are looked up by what hosts end with", () => {
  const cases: [string, PatternKey][] = [
    ["[^.]+\\.Example\\.com", key(".example.com")],
    ["^(www|api)\\.example\\.com$", key(".example.com")],
    ["(?:[a-z0-9-]+\\.)+example\\.com", key(".com")],
    [".*example\\.com", key(".com")],
    [".*com", none],
    [".*\\.example\\.com", key(".example.com", false, true)],
    ["^www\\.example\\.com$", key("www.example.com", true, true)],
    ["api-[0-9]", none],
    ["a.example.com", none],
    ["a.example\\.com", key(".com")],
    [".*", all],
    ["a|b\\.c", none],
    ["(?i)a\\.b", none],
    ["a\\.(b|c)", none],
    ["ab?", none],
    ["ab{2}", none],
    ["\\Qa.b", none],
    ["\\x61b", none],
    ["[[:alpha:]]+\\.b", none],
    ["é\\.b", none],
  ];
  for (const [pattern, expected] of cases) assert.deepEqual(hostKeyOf(pattern), expected, pattern);
});

test("expressions for paths are looked up by what paths begin with, when they are anchored", () => {
  const cases: [string, PatternKey][] = [
    ["^/api/v[0-9]+/", key("/api/v")],
    ["^/api/", key("/api/", false, true)],
    ["^/api/.*", key("/api/", false, true)],
    ["^/api/.*$", key("/api/", false, true)],
    ["^/api/.+", key("/api/")],
    ["^/api$", key("/api", true, true)],
    ["^/a\\.b", key("/a.b", false, true)],
    ["^/files?", key("/file")],
    ["/api", none],
    ["^/a|^/b", none],
    ["^(/a|/b)", none],
    ["(?i)^/a", none],
    ["(?m)^/a", none],
    [".*", all],
  ];
  for (const [pattern, expected] of cases) assert.deepEqual(pathKeyOf(pattern), expected, pattern);
});

const pieces = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom("a", "b", "A", "B", "-", ".", "\\.", "\\-", "/", "_", "1"),
    },
    fc.constantFrom(
      "[a-c]",
      "[^.]",
      "[^a]",
      "[A-b]",
      "[b-]",
      "[\\]a]",
      "[.b]",
      "(a|b)",
      "(?:a)",
      "([)b])",
      "\\d",
    ),
    fc.constantFrom("*", "+", "?", "^", "$", "|", "{2}", "\\b", "(?i)", "\\w", "\\pL", "\\x61"),
  ),
  { minLength: 1, maxLength: 7 },
);
const anyPattern = fc
  .tuple(fc.constantFrom("", "^"), pieces, fc.constantFrom("", "$", ".*"))
  .map(([begin, middle, end]) => begin + middle.join("") + end)
  .filter((pattern) => checkPattern(pattern) === undefined);
const anyText = fc.array(fc.constantFrom("a", "b", "c", "A", ".", "-", "/", "_", "1", "]", ")", "xyz"), {
  maxLength: 7,
});

function hasKey({ key: wanted }: PatternKey, text: string, isPart: (short: string) => boolean): boolean {
  return wanted === undefined || (wanted.exact ? text === wanted.text : isPart(wanted.text));
}

test("what an expression is looked up by is what the engine asks for", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(anyPattern, fc.array(anyText, { minLength: 1, maxLength: 8 }), (pattern, texts) => {
      const [onHost, onPath, run] = [hostKeyOf(pattern), pathKeyOf(pattern), hostRunOf(pattern)];
      const [whole, part] = [new Pattern(pattern, "whole"), new Pattern(pattern, "part")];
      for (const text of texts.map((each) => each.join(""))) {
        const host = text.toLowerCase();
        const [hostFits, pathFits] = [whole.test(host), part.test(text)];
        const hostFound = hasKey(onHost, host, (end) => host.endsWith(end));
        const pathFound = hasKey(onPath, text, (start) => text.startsWith(start));
        if (hostFits || onHost.complete) assert.equal(hostFits, hostFound, `host ${host}`);
        if (pathFits || onPath.complete) assert.equal(pathFits, pathFound, `path ${text}`);
        if (run !== undefined) assert.equal(isRun(run, host), hostFits, `host ${host}`);
      }
    }),
    { numRuns: 3000 },
  );
});

function isRun({ members, min, ending }: NonNullable<ReturnType<typeof hostRunOf>>, host: string): boolean {
  if (!host.endsWith(ending)) return false;
  const front = host.slice(0, host.length - ending.length).split("");
  return front.length >= min && front.every((character) => members[character.charCodeAt(0)] === 1);
}
