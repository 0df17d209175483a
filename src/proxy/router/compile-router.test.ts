import assert from "node:assert/strict";
import { test } from "node:test";
import { getHeapStatistics } from "node:v8";
import fc from "fast-check";
import {
  expected,
  parsed,
  requestOf,
  requests,
  route,
  routeList,
  type TestRequest,
} from "../../../test/support/naive-router.ts";
import type { RoutePlan } from "../plan.ts";
import { compileRouter, type Router } from "./compile-router.ts";
import type { RouteRequest } from "./route-input.ts";

/** The name of the route that a request takes; `-` for none. */
function taken(
  routes: readonly RoutePlan[],
  request: TestRequest,
  router: Router = compileRouter(routes, 0),
): string {
  const index = router.match(requestOf(request));
  return index === -1 ? "-" : (routes[index]?.name ?? "out of range");
}

/** Checks one rule against requests that it must and must not match. */
function checkRule(rule: string, matching: readonly TestRequest[], others: readonly TestRequest[]): void {
  const direct = [route("it", rule)];
  const negated = [route("it", { kind: "not", node: { kind: "not", node: parsed(rule) } })];
  for (const routes of [direct, negated]) {
    const router = compileRouter(routes, 0);
    for (const request of matching)
      assert.equal(taken(routes, request, router), "it", `${rule} ${JSON.stringify(request)}`);
    for (const request of others)
      assert.equal(taken(routes, request, router), "-", `${rule} ${JSON.stringify(request)}`);
  }
}

const hosts = (...names: string[]): TestRequest[] => names.map((authority) => ({ authority }));
const paths = (...names: string[]): TestRequest[] => names.map((path) => ({ path }));

test("hosts are compared whole, without case, port and trailing dot", () => {
  checkRule(
    "Host(`Example.com`)",
    hosts("example.com", "EXAMPLE.com:8080", "example.com."),
    hosts("www.example.com", "example.co", ""),
  );
  checkRule("Host(`::1`)", hosts("[::1]:80", "[0:0::1]"), hosts("[::2]"));
  checkRule(
    "HostRegexp(`[a-z]+\\.example\\.com`)",
    hosts("API.example.com:80"),
    hosts("example.com", "a.example.com.evil", ""),
  );
  checkRule("Host(`a`) || Host(`b`)", hosts("a", "b"), hosts("c"));
});

test("paths are compared as they stand, without the query", () => {
  checkRule("Path(`/a/b`)", paths("/a/b", "/a/b?c"), paths("/a/b/", "/a", "/A/b", "/a%2Fb", "/a/bc", "*"));
  checkRule(
    "PathPrefix(`/api`)",
    paths("/api", "/apiary", "/api/x?y", "/api?"),
    paths("/ap", "/ap?i", "/", "/x/api", "*"),
  );
  checkRule("PathPrefix(`/`)", paths("/", "/x"), paths("*"));
  checkRule("PathRegexp(`/v[0-9]+/`)", paths("/v1/", "/api/v22/x?q"), paths("/v/", "/x?a=/v1/"));
  checkRule("PathPrefix(`/a`) && PathPrefix(`/a/b`)", paths("/a/b"), paths("/a", "/a/c"));
  checkRule("PathPrefix(`/a`) && Path(`/a/b`)", paths("/a/b"), paths("/a/bc"));
});

test("methods are compared without case", () => {
  checkRule(
    "Method(`get`, `HEAD`)",
    [{ method: "GET" }, { method: "get" }, { method: "Head" }],
    [{ method: "GETX" }, { method: "POST" }],
  );
});

test("a field matches when one of its lines has the exact value", () => {
  const a = (...values: string[]): TestRequest => ({
    fields: values.map((value) => ["x-A", value] as const),
  });
  checkRule(
    "Header(`X-a`, `one`)",
    [a("one"), a("two", "one")],
    [a(), a("One"), a("one, two"), a("oneone"), { fields: [["x-b", "one"]] }],
  );
  checkRule("Header(`X-a`, ``)", [a("")], [a(), a("x")]);
  checkRule(
    "Header(`User-Agent`, `é`)",
    [{ fields: [["user-agent", "é"]] }],
    [{ fields: [["user-agent", "e"]] }],
  );
  checkRule("HeaderRegexp(`X-a`, `^o.e$`)", [a("two", "one"), a("oée")], [a(), a("oxxe")]);
});

test("a removed field does not match", () => {
  const routes = [route("it", "Header(`X-A`, `1`)")];
  const request = requestOf({ fields: [["X-A", "1"]] });
  request.head.fields.remove(0);
  assert.equal(compileRouter(routes, 0).match(request), -1);
});

test("queries are decoded as forms", () => {
  checkRule(
    "Query(`k`)",
    paths("/?k", "/?k=", "/?a=b&k=c", "/?%6b=1", "/??&k"),
    paths("/", "/?", "/k", "/?kk", "/?a=k", "/?K"),
  );
  checkRule(
    "Query(`k`, `a b`)",
    paths("/?k=a+b", "/?k=x&k=a%20b", "/?&&k=a b"),
    paths("/?k=a", "/?k=a%2bb", "/?k=a%20bb", "/?k"),
  );
  checkRule("Query(`k`, ``)", paths("/?k", "/?k="), paths("/?k=a", "/?"));
  checkRule("Query(`ü`, `%`)", paths("/?%C3%BC=%", "/?%c3%bc=%25"), paths("/?%C3=%", "/?%C3%BC=%2"));
  checkRule("QueryRegexp(`k`, `^a b$`)", paths("/?k=a+b", "/?k=1&k=a%20b"), paths("/?k=ab", "/?a=a+b"));
  checkRule("QueryRegexp(`k`, `^$`)", paths("/?k", "/?k="), paths("/", "/?k=1"));
});

test("clients are compared by block", () => {
  const from = (clientIp: string): TestRequest => ({ clientIp });
  checkRule(
    "ClientIP(`10.0.0.0/8`, `::1`)",
    [from("10.9.9.9"), from("::ffff:10.0.0.1"), from("::1")],
    [from("11.0.0.1"), from("::2"), from("")],
  );
});

test("higher priority wins, equal priorities go by name in code-unit order", () => {
  const rules = [
    "Host(`a`)",
    "PathPrefix(`/x`)",
    "Method(`GET`)",
    "Host(`a`) && PathPrefix(`/x`)",
    "PathRegexp(`.`)",
    "!Host(`b`)",
  ];
  const request: TestRequest = { authority: "a", path: "/x/y" };
  for (const first of rules) {
    for (const second of rules) {
      assert.equal(taken([route("b", first), route("a", second)], request), "a");
      assert.equal(taken([route("a", first), route("b", second, 1)], request), "b");
      assert.equal(taken([route("a", first), route("Z", second)], request), "Z");
      assert.equal(taken([route("\u{1F600}", first), route("\uFFFF", second)], request), "\u{1F600}");
    }
  }
});

test("a router knows the routes of its listener only", () => {
  const routes = [route("other", "PathPrefix(`/`)", 9, [1]), route("mine", "PathPrefix(`/`)", 0, [0, 2])];
  assert.equal(compileRouter(routes, 0).match(requestOf({})), 1);
  assert.equal(compileRouter(routes, 1).match(requestOf({})), 0);
  assert.equal(compileRouter(routes, 3).match(requestOf({})), -1);
  assert.equal(compileRouter([], 0).match(requestOf({})), -1);
});

test("names of object properties are ordinary hosts, paths, fields and queries", () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    checkRule(`Host(\`${name}\`)`, hosts(name.toLowerCase()), hosts("x", ""));
    assert.equal(taken([route("it", "Host(`x`)")], { authority: name }), "-");
    checkRule(`Path(\`/${name}\`)`, paths(`/${name}`), paths("/", `/${name}x`));
    checkRule(`Header(\`${name}\`, \`1\`)`, [{ fields: [[name, "1"]] }], [{}, { fields: [[name, "2"]] }]);
    checkRule(`Query(\`${name}\`)`, paths(`/?${name}`), paths("/", "/?x"));
  }
});

test("the catch-all takes what nothing else takes, also OPTIONS *", () => {
  const routes = [route("rest", { kind: "all" }, -1), route("a", "Host(`a`)")];
  assert.equal(taken(routes, { authority: "a" }), "a");
  assert.equal(taken(routes, { authority: "b" }), "rest");
  assert.equal(taken(routes, { authority: "", path: "*", method: "OPTIONS" }), "rest");
});

test("rules too wide to multiply out are still right", () => {
  const names = Array.from({ length: 60 }, (_, index) => `\`h${index}\``).join();
  const prefixes = Array.from({ length: 60 }, (_, index) => `\`/p${index}\``).join();
  const rule = `Host(${names}) && PathPrefix(${prefixes})`;
  checkRule(
    rule,
    [{ authority: "h7", path: "/p59/x" }],
    [
      { authority: "h60", path: "/p1" },
      { authority: "h1", path: "/q" },
    ],
  );
});

test("deeply nested prefixes compile and match", () => {
  const routes = Array.from({ length: 1000 }, (_, index) =>
    route(`r${index}`, `PathPrefix(\`/${"a".repeat(index)}\`)`, index),
  );
  const router = compileRouter(routes, 0);
  assert.equal(taken(routes, { path: `/${"a".repeat(5000)}` }, router), "r999");
  assert.equal(taken(routes, { path: "/aaab" }, router), "r3");
});

test("a query of many pairs and a long path cost linear time", { timeout: 10_000 }, () => {
  const router = compileRouter(
    [route("it", "Query(`k`, `v`) || QueryRegexp(`k`, `v`) || PathRegexp(`(a+)+$`)")],
    0,
  );
  for (const unit of ["a&", "k&", "=&", "k=a&", "%", "&"])
    assert.equal(router.match(requestOf({ path: `/?${unit.repeat(30_000)}` })), -1);
  assert.equal(router.match(requestOf({ path: `/${"a".repeat(60_000)}!` })), -1);
});

test("hosts and paths that make backtracking engines slow take linear time", { timeout: 20_000 }, () => {
  const slow = ["(a+)+\\.b", "(a|a)*\\.b", "(.*)(.*)(.*)(.*)\\.b", "([a-z]+)*\\.b"];
  const routes = slow.flatMap((pattern, index) => [
    route(`host${index}`, `HostRegexp(\`${pattern}\`) && PathRegexp(\`^/x${pattern}$\`)`),
    route(`path${index}`, `PathRegexp(\`^/(a+)+x{${index + 1}}$\`)`),
  ]);
  const router = compileRouter(routes, 0);
  for (const host of [`${"a".repeat(240)}!.b`, `${"a.".repeat(120)}b`, "a".repeat(250)]) {
    for (const path of [`/x${"a".repeat(60_000)}`, `/${"a".repeat(60_000)}!`])
      assert.equal(taken(routes, { authority: host, path }, router), "-");
  }
});

test("a match of hosts, their ends, paths, methods and fields allocates nothing", () => {
  const routes = Array.from({ length: 200 }, (_, index) => [
    route(`h${index}`, `Host(\`h${index}.example\`) && PathPrefix(\`/a\`) && Method(\`GET\`)`),
    route(`w${index}`, `HostRegexp(\`[^.]+\\.w${index}\\.example\`) && Header(\`X-A\`, \`1\`)`),
  ]).flat();
  const router = compileRouter(routes, 0);
  const asked = ["h17.example", "x.w99.example", "none.example"].map((authority) =>
    requestOf({ authority, path: "/a/b", fields: [["X-A", "1"]] }),
  );
  const matches = 30_000;
  const run = (): number => {
    const before = getHeapStatistics().used_heap_size;
    for (let i = 0; i < matches; i++) router.match(asked[i % asked.length] as RouteRequest);
    return getHeapStatistics().used_heap_size - before;
  };
  // Until the optimising compiler is through, what it makes is counted too.
  const allocated = Math.min(...Array.from({ length: 8 }, run));
  assert.ok(allocated < matches * 4, `${allocated} bytes in ${matches} matches`);
});

test("the printout names hosts, paths and routes in the order in which they are preferred", () => {
  const routes = [
    route("default", { kind: "all" }, -1),
    route("api", "Host(`api.example.com`) && PathPrefix(`/v1`)", 40),
    route("api-get", "Host(`api.example.com`) && PathPrefix(`/v1`) && Method(`GET`)", 50),
    route("health", "Path(`/healthz`)", 9),
    route("odd", "Host(`a`) && Host(`b`)"),
  ];
  const expected = [
    "host api.example.com",
    "  prefix /v1",
    "    api-get (priority 50) if Method(`GET`)",
    "    api (priority 40)",
    "any host",
    "  path /healthz",
    "    health (priority 9)",
    "  any path",
    "    default (priority -1)",
    "never matched",
    "  odd (priority 0): Host(`a`) && Host(`b`)",
  ];
  assert.equal(compileRouter(routes, 0).describe(), expected.join("\n"));
  assert.equal(compileRouter([], 0).describe(), "no routes");
});

test("the compiled router answers as the plain evaluator", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(routeList, fc.array(requests, { minLength: 1, maxLength: 20 }), (routes, list) => {
      const router = compileRouter(routes, 0);
      for (const request of list)
        assert.equal(taken(routes, request, router), expected(routes, request), router.describe());
    }),
    { numRuns: 1500 },
  );
});

test("the order in which routes are listed does not matter", () => {
  fc.assert(
    fc.property(routeList, requests, (routes, request) => {
      assert.equal(taken(routes, request), taken(routes.toReversed(), request));
    }),
  );
});
