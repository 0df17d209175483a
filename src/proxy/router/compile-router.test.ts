import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { RequestHead } from "../../wire/http/message.ts";
import type { RoutePlan } from "../plan.ts";
import { compileRouter, type Router } from "./compile-router.ts";
import { parseRule } from "./parse-rule.ts";
import { RouteRequest } from "./route-input.ts";
import { routingHost } from "./routing-host.ts";
import type { RuleNode } from "./rule.ts";

interface TestRequest {
  readonly authority?: string;
  readonly path?: string;
  readonly method?: string;
  readonly fields?: readonly (readonly [string, string])[];
  readonly clientIp?: string;
}

function parsed(text: string): RuleNode {
  const result = parseRule(text);
  if ("error" in result) throw new Error(`${text}: ${result.error}`);
  return result.rule;
}

function route(
  name: string,
  rule: string | RuleNode,
  priority = 0,
  listeners: readonly number[] = [0],
): RoutePlan {
  const node = typeof rule === "string" ? parsed(rule) : rule;
  return { name, rule: node, ruleText: "", upgrades: [], priority, listeners, service: 0, metrics: [] };
}

function requestOf(request: TestRequest): RouteRequest {
  const head = new RequestHead();
  head.authority = request.authority ?? "example.com";
  head.path = request.path ?? "/";
  head.method = request.method ?? "GET";
  for (const [name, value] of request.fields ?? []) {
    const bytes = Buffer.from(name + value, "utf8");
    head.fields.addBytes(bytes, 0, name.length, name.length, bytes.length);
  }
  const routed = new RouteRequest(head);
  routed.set(head, routingHost(head.authority), request.clientIp ?? "192.0.2.1");
  return routed;
}

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

/*
 * The contract: the compiled router answers as a plain evaluator that tests every rule in order of
 * priority, on the tree of the rule and with other means (URLSearchParams, RegExp, BlockList).
 */

function holds(rule: RuleNode, request: TestRequest): boolean {
  const [path = "", query = ""] = splitOnce(request.path ?? "/", "?");
  const values = (name: string): string[] =>
    (request.fields ?? []).filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  const form = (key: string): string[] => new URLSearchParams(`&${query}`).getAll(key);
  switch (rule.kind) {
    case "all":
      return true;
    case "and":
      return rule.nodes.every((node) => holds(node, request));
    case "or":
      return rule.nodes.some((node) => holds(node, request));
    case "not":
      return !holds(rule.node, request);
    case "host":
      return plainHost(request) === rule.host;
    case "hostRegexp":
      return new RegExp(`^(?:${rule.pattern})$`, "i").test(plainHost(request));
    case "path":
      return path === rule.path;
    case "pathPrefix":
      return path.startsWith(rule.prefix);
    case "pathRegexp":
      return new RegExp(rule.pattern).test(path);
    case "method":
      return (request.method ?? "GET").toUpperCase() === rule.method;
    case "header":
      return values(rule.name).includes(rule.value);
    case "headerRegexp":
      return values(rule.name).some((value) => new RegExp(rule.pattern).test(value));
    case "query":
      return rule.value === undefined ? form(rule.key).length > 0 : form(rule.key).includes(rule.value);
    case "queryRegexp":
      return form(rule.key).some((value) => new RegExp(rule.pattern).test(value));
    case "clientIp":
      return rule.cidrs.some((cidr) => inBlock(cidr, request.clientIp ?? ""));
  }
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function plainHost(request: TestRequest): string {
  return (request.authority ?? "").toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
}

function inBlock(cidr: string, ip: string): boolean {
  const [address = "", bits = ""] = cidr.split("/");
  const list = new net.BlockList();
  list.addSubnet(address, Number(bits), "ipv4");
  return list.check(ip, "ipv4");
}

function expected(routes: readonly RoutePlan[], request: TestRequest): string {
  const ordered = routes.toSorted((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1));
  return ordered.find((each) => holds(each.rule, request))?.name ?? "-";
}

const hostNames = ["a", "b", "a.b", "__proto__", "constructor"];
const pathNames = ["/", "/a", "/ab", "/a/b", "/a/c", "/__proto__", "/abc/d"];
const patterns =
  "a ^/a b$ [ab]+ .* a|b ^$ ^/ab$ ^/a/.* ^/a/.*$ ^/a/[bc]$ ^/a/?b ^/a|b a\\.b ^a$ .*\\.b .+\\.b [^.]+\\.b (?:a|c)\\.b [a-c]*b [.b]+ a+\\.?b".split(
    " ",
  );
const leaf: fc.Arbitrary<RuleNode> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...hostNames).map((host): RuleNode => ({ kind: "host", host })) },
  { weight: 3, arbitrary: fc.constantFrom(...pathNames).map((path): RuleNode => ({ kind: "path", path })) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(...pathNames).map((prefix): RuleNode => ({ kind: "pathPrefix", prefix })),
  },
  fc.constant<RuleNode>({ kind: "all" }),
  fc.constantFrom(...patterns).map((pattern): RuleNode => ({ kind: "hostRegexp", pattern })),
  fc.constantFrom(...patterns).map((pattern): RuleNode => ({ kind: "pathRegexp", pattern })),
  fc.constantFrom("GET", "POST").map((method): RuleNode => ({ kind: "method", method })),
  fc.constantFrom("1", "", "é").map((value): RuleNode => ({ kind: "header", name: "x-a", value })),
  fc
    .constantFrom(...patterns)
    .map((pattern): RuleNode => ({ kind: "headerRegexp", name: "accept", pattern })),
  fc.constantFrom("k", "__proto__").map((key): RuleNode => ({ kind: "query", key })),
  fc.constantFrom("", "a", "a b", "%", "ü").map((value): RuleNode => ({ kind: "query", key: "k", value })),
  fc.constantFrom(...patterns).map((pattern): RuleNode => ({ kind: "queryRegexp", key: "k", pattern })),
  fc
    .constantFrom("10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0")
    .map((cidr): RuleNode => ({ kind: "clientIp", cidrs: [cidr] })),
);
const rules = fc.letrec<{ node: RuleNode }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthIdentifier: "rule" },
    leaf,
    fc.array(tie("node"), { minLength: 1, maxLength: 4 }).map((nodes): RuleNode => ({ kind: "and", nodes })),
    fc.array(tie("node"), { minLength: 1, maxLength: 4 }).map((nodes): RuleNode => ({ kind: "or", nodes })),
    tie("node").map((node): RuleNode => ({ kind: "not", node })),
  ),
})).node;
const routeList = fc
  .array(fc.tuple(rules, fc.integer({ min: -1, max: 2 })), { minLength: 1, maxLength: 12 })
  .chain((list) => fc.shuffledSubarray(list, { minLength: list.length }))
  .map((list) =>
    list.map(([rule, priority], index) => route(`r${(index * 7) % 12}-${index}`, rule, priority)),
  );
const queryText = fc.array(
  fc.constantFrom("k", "=", "&", "a", "+", "b", "%", "20", "%25", "%C3%BC", "__proto__", "?"),
  { maxLength: 8 },
);
const requests = fc.record({
  authority: fc.oneof(fc.constantFrom(...hostNames, "A.B:80", "a.", "B:1", "", "c")),
  path: fc
    .tuple(fc.constantFrom(...pathNames, "*", "/abc", "/x", "/a/", "/A"), queryText)
    .map(([path, query]) => (query.length > 0 ? `${path}?${query.join("")}` : path)),
  method: fc.constantFrom("GET", "POST", "post", "PUT"),
  fields: fc.array(
    fc.tuple(fc.constantFrom("X-A", "x-a", "Accept", "__proto__"), fc.constantFrom("1", "", "é", "a", "ab")),
    { maxLength: 4 },
  ),
  clientIp: fc.constantFrom("10.1.2.3", "10.2.3.4", "192.0.2.1"),
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
