import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_PATTERN_CHARS } from "./rule-limits.ts";
import { checkPattern, Pattern } from "./rule-pattern.ts";

test("host patterns match whole and ignore letter case, others match a part", () => {
  assert.equal(new Pattern("[a-z]+\\.example\\.com", "whole").test("API.example.com"), true);
  assert.equal(new Pattern("[a-z]+\\.example\\.com", "whole").test("api.example.com.evil"), false);
  assert.equal(new Pattern("a|ab", "whole").test("ab"), true);
  assert.equal(new Pattern("v[0-9]+", "part").test("/api/v12/x"), true);
  assert.equal(new Pattern("^v[0-9]+", "part").test("/v12"), false);
  assert.equal(new Pattern("V1", "part").test("/v1"), false);
  assert.equal(new Pattern("(?i)V1", "part").test("/v1"), true);
});

test("errors give the place in the pattern", () => {
  const cases: [string, number, RegExp][] = [
    ["", 0, /must not be empty/],
    ["ab(c", 2, /missing closing \)/],
    ["a(b)[(](", 7, /missing closing \)/],
    ["a(b)[]()]c\\))", 12, /unexpected \)/],
    ["a**", 1, /nested repetition operator: \*\*/],
    ["z-a[z-a]", 4, /character class range: z-a/],
    ["x[a", 1, /missing closing \]/],
    ["a{2}b{1001}", 5, /repeat count: \{1001\}/],
    ["ab\\8", 2, /escape sequence/],
    ["ab\\", 2, /trailing backslash/],
    ["a(?=b)", 1, /look-around/],
    ["(a)\\1", 3, /escape sequence/],
    ["x".repeat(MAX_PATTERN_CHARS + 1), 0, /at most 1024 characters/],
    ["(a{50}){20}", 0, /too large/],
  ];
  for (const [pattern, offset, message] of cases) {
    const error = checkPattern(pattern);
    assert.match(error?.error ?? "no error", message, pattern);
    assert.equal(error?.offset, offset, pattern);
  }
});

test("correct patterns have no error", () => {
  for (const pattern of [
    "a",
    "^/api/v[0-9]+/",
    "[^/]+\\.(png|jpg)$",
    "(?i)x",
    "\\pL+",
    "[]]",
    "x".repeat(500),
  ]) {
    assert.equal(checkPattern(pattern), undefined, pattern);
  }
});

test("patterns that make backtracking engines slow are linear", { timeout: 20_000 }, () => {
  const long = "a".repeat(60_000);
  for (const pattern of ["(a+)+$", "^(a|a)*$", "(a*)*b", "^(a?){200}b", "(.*)(.*)(.*)(.*)(.*)[0-9]x"]) {
    assert.equal(new Pattern(pattern, "part").test(`${long}!`), false, pattern);
  }
});

test(
  "the cached automaton of an expression with many states stays within its memory",
  { timeout: 30_000 },
  () => {
    const pattern = new Pattern("c(a|b)*a(a|b){160}c", "part");
    let state = 1;
    let input = "c";
    for (let i = 0; i < 20_000; i++) {
      state = (state * 1103515245 + 12345) & 0x7fffffff;
      input += state & 0x10000 ? "a" : "b";
    }
    assert.equal(pattern.test(input), false);
    assert.equal(pattern.test(`${input}a${"b".repeat(160)}c`), true);
  },
);
