import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { expected, holds, requests, route, routeList, rules } from "../../../test/support/naive-router.ts";
import { rankRoutes } from "./rank-routes.ts";
import { alternativesOf } from "./rule-alternatives.ts";
import { isContradiction, shadowedRoutes } from "./shadowed-routes.ts";

const PLENTY = 1_000_000;

/** By name; `*`: but for `OPTIONS *`. Rules are given in the order in which they are preferred. */
function shadows(...ruleTexts: readonly string[]): Record<string, string> {
  const routes = ruleTexts.map((rule, index) => route(`r${index}`, rule, -index));
  const found = shadowedRoutes(rankRoutes(routes, 0), { left: PLENTY });
  return Object.fromEntries(
    [...found].map(([name, { by, leavesOptions }]) => [name, by.join() + (leavesOptions ? " *" : "")]),
  );
}

test("a route is shadowed by one that asks for less", () => {
  const cases: [string, string][] = [
    ["PathPrefix(`/a`)", "PathPrefix(`/a/b`)"],
    ["PathPrefix(`/a`)", "Path(`/ab`)"],
    ["PathPrefix(`/a`)", "Host(`x`) && PathPrefix(`/a`)"],
    ["Host(`x`)", "Host(`x`) && Method(`GET`)"],
    ["Host(`x`, `y`)", "Host(`y`)"],
    ["HostRegexp(`.+\\.example`)", "Host(`a.example`)"],
    ["HostRegexp(`[a-z]+\\.example`)", "Host(`a.example`) && PathPrefix(`/`)"],
    ["HostRegexp(`.*\\.example`)", "HostRegexp(`[a-z]+\\.b\\.example`)"],
    ["PathRegexp(`^/a/.*`)", "PathPrefix(`/a/b`)"],
    ["PathRegexp(`/v[0-9]/`)", "Path(`/a/v1/b`)"],
    ["Method(`GET`, `HEAD`)", "Method(`GET`)"],
    ["!Method(`POST`)", "Method(`GET`)"],
    ["!Host(`a`)", "Host(`b`)"],
    ["!PathPrefix(`/a`)", "PathPrefix(`/b`)"],
    ["Query(`k`)", "Query(`k`, `v`)"],
    ["Query(`k`)", "QueryRegexp(`k`, `v`)"],
    ["ClientIP(`10.0.0.0/8`)", "ClientIP(`10.1.0.0/16`) && Path(`/`)"],
    ["Header(`a`, `1`) || Header(`b`, `1`)", "Header(`b`, `1`) && Host(`x`)"],
  ];
  for (const [before, rule] of cases) assert.deepEqual(shadows(before, rule), { r1: "r0" }, rule);
});

test("a route is shadowed by several together", () => {
  assert.deepEqual(shadows("Host(`a`)", "Host(`b`)", "Host(`a`, `b`) && Path(`/x`)"), { r2: "r0,r1" });
});

test("what a prefix of all paths leaves is OPTIONS *", () => {
  assert.deepEqual(shadows("PathPrefix(`/`)", "Host(`a`)"), { r1: "r0 *" });
  assert.deepEqual(shadows("PathPrefix(`/`)", "Host(`a`) && Method(`GET`)"), { r1: "r0" });
  assert.deepEqual(shadows("PathPrefix(`/`)", "Host(`a`) && Path(`/x`)"), { r1: "r0" });
});

test("a route that can still get a request is not shadowed", () => {
  const cases: [string, string][] = [
    ["PathPrefix(`/a/b`)", "PathPrefix(`/a`)"],
    ["Path(`/a`)", "PathPrefix(`/a`)"],
    ["Host(`x`)", "PathPrefix(`/`)"],
    ["Host(`x`) && Method(`GET`)", "Host(`x`)"],
    ["HostRegexp(`[a-z]+\\.example`)", "Host(`a1.example`)"],
    ["HostRegexp(`[^.]+\\.example`)", "HostRegexp(`.+\\.example`)"],
    ["PathRegexp(`^/a`) && Header(`a`, `1`)", "PathPrefix(`/a`)"],
    ["Header(`a`, `1`)", "Header(`a`, `2`)"],
    ["Query(`k`, `v`)", "Query(`k`)"],
    ["!Header(`a`, `1`)", "Header(`a`, `2`)"],
    ["ClientIP(`10.1.0.0/16`)", "ClientIP(`10.0.0.0/8`)"],
    ["ClientIP(`::/0`)", "ClientIP(`10.0.0.0/8`)"],
    ["Host(`a`) && Host(`b`)", "Host(`a`)"],
  ];
  for (const [before, rule] of cases) assert.deepEqual(shadows(before, rule), {}, rule);
});

test("rules whose parts exclude each other are contradictions", () => {
  const cases: readonly [string, boolean][] = [
    ["Host(`a`) && Host(`b`)", true],
    ["Method(`GET`) && Method(`POST`)", true],
    ["Path(`/a`) && PathPrefix(`/b`)", true],
    ["Host(`a`) && !Host(`a`)", true],
    ["PathPrefix(`/a/b`) && !PathPrefix(`/a`)", true],
    ["Host(`a.example`) && HostRegexp(`b\\..*`)", true],
    ["HostRegexp(`.+\\.a`) && HostRegexp(`.+\\.b`)", true],
    ["Path(`/a`) && PathRegexp(`^/[0-9]$`)", true],
    ["ClientIP(`10.0.0.0/8`) && ClientIP(`11.0.0.0/8`)", true],
    ["Header(`a`, `1`) && !Header(`a`, `1`)", true],
    ["(Host(`a`) && Host(`b`)) || Path(`/x`)", false],
    ["Header(`a`, `1`) && Header(`a`, `2`)", false],
    ["Query(`a`, `1`) && Query(`a`, `2`)", false],
    ["HostRegexp(`a.*`) && HostRegexp(`.*b`)", false],
    ["ClientIP(`10.0.0.0/8`) && ClientIP(`10.1.0.0/16`)", false],
  ];
  for (const [rule, contradicts] of cases) {
    assert.equal(isContradiction(alternativesOf(route("r", rule).rule)), contradicts, rule);
  }
});

/** The wire has `*` with OPTIONS only. */
const wireRequests = requests.map((request) =>
  request.path.startsWith("*") ? { ...request, path: "*", method: "OPTIONS" } : request,
);

test("a shadowed route never wins, whatever is asked", { timeout: 60_000 }, () => {
  let found = 0;
  fc.assert(
    fc.property(routeList, fc.array(wireRequests, { minLength: 10, maxLength: 40 }), (routes, list) => {
      const shadowed = shadowedRoutes(rankRoutes(routes, 0), { left: PLENTY });
      found += shadowed.size;
      for (const request of list) {
        const shadow = shadowed.get(expected(routes, request));
        assert.ok(
          shadow === undefined || (shadow.leavesOptions && request.path === "*"),
          JSON.stringify(request),
        );
      }
    }),
    { numRuns: 800 },
  );
  assert.ok(found > 500, `${found} shadowed routes`);
});

test("a contradiction holds for no request", { timeout: 60_000 }, () => {
  let found = 0;
  fc.assert(
    fc.property(rules, fc.array(wireRequests, { minLength: 10, maxLength: 40 }), (rule, list) => {
      if (!isContradiction(alternativesOf(rule))) return;
      found++;
      for (const request of list) assert.ok(!holds(rule, request), JSON.stringify(request));
    }),
    { numRuns: 1500 },
  );
  assert.ok(found > 15, `${found} contradictions`);
});

test("ten thousand routes are looked through in a moment, and within the budget", { timeout: 20_000 }, () => {
  const routes = Array.from({ length: 10_000 }, (_, index) =>
    route(`r${index}`, `Host(\`h${index % 3000}.example\`) && PathPrefix(\`/a${index % 7}\`)`, -index),
  );
  const alike = Array.from({ length: 10_000 }, (_, index) =>
    route(`r${index}`, `Path(\`/\`) && Header(\`X-Tenant\`, \`${index}\`)`, -index),
  );
  const budget = { left: PLENTY };
  assert.equal(shadowedRoutes(rankRoutes(routes, 0), budget).size, 0);
  assert.equal(shadowedRoutes(rankRoutes(alike, 0), budget).size, 0);
  assert.ok(budget.left <= 0 && budget.left > -10_000, `${budget.left}`);
});
