import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  holds,
  parsed,
  requestOf,
  requests,
  rules,
  type TestRequest,
} from "../../../test/support/naive-router.ts";
import { PredicateCompiler } from "./compile-predicate.ts";
import { ruleFailure } from "./rule-failure.ts";

const REQUEST: TestRequest = {
  authority: "a.example:80",
  path: "/x?k=1",
  method: "POST",
  fields: [
    ["X-A", "1"],
    ["x-a", "2"],
  ],
  clientIp: "10.0.0.1",
};

test("the first part that fails is named, with what the request has", () => {
  const cases: [string, string | undefined][] = [
    ["Host(`b`) && Path(`/y`)", "Host(`b`): host a.example"],
    ["PathPrefix(`/`) && Method(`GET`, `HEAD`)", "Method(`GET`, `HEAD`): method POST"],
    [
      "Host(`a.example`) && (Path(`/y`) || Header(`X-A`, `3`))",
      "Path(`/y`) || Header(`x-a`, `3`): path /x, x-a: 1, x-a: 2",
    ],
    ["!ClientIP(`10.0.0.0/8`)", "!ClientIP(`10.0.0.0/8`): client 10.0.0.1"],
    ["Query(`k`, `2`)", "Query(`k`, `2`): query k=1"],
    ["HeaderRegexp(`X-B`, `1`)", "HeaderRegexp(`x-b`, `1`): no x-b"],
    ["Host(`a.example`) && Query(`k`)", undefined],
  ];
  for (const [rule, expected] of cases) {
    const failure = ruleFailure(parsed(rule), requestOf(REQUEST), new PredicateCompiler());
    assert.equal(failure && `${failure.part}: ${failure.found}`, expected, rule);
  }
});

test("a rule fails exactly when it does not hold", { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(rules, requests, (rule, request) => {
      const failure = ruleFailure(rule, requestOf(request), new PredicateCompiler());
      assert.equal(failure === undefined, holds(rule, request));
    }),
    { numRuns: 500 },
  );
});
