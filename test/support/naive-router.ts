/**
 * A router that tests every rule in order of preference, on the tree of the rule and with other means than
 * the compiled one (URLSearchParams, RegExp, BlockList), and random routes and requests to compare both with.
 */
import net from "node:net";
import fc from "fast-check";
import type { RoutePlan } from "../../src/proxy/plan.ts";
import { parseRule } from "../../src/proxy/router/parse-rule.ts";
import { RouteRequest } from "../../src/proxy/router/route-input.ts";
import { routingHost } from "../../src/proxy/router/routing-host.ts";
import type { RuleNode } from "../../src/proxy/router/rule.ts";
import { RequestHead } from "../../src/wire/http/message.ts";

export interface TestRequest {
  readonly authority?: string;
  readonly path?: string;
  readonly method?: string;
  readonly fields?: readonly (readonly [string, string])[];
  readonly clientIp?: string;
}

export function parsed(text: string): RuleNode {
  const result = parseRule(text);
  if ("error" in result) throw new Error(`${text}: ${result.error}`);
  return result.rule;
}

export function route(
  name: string,
  rule: string | RuleNode,
  priority = 0,
  listeners: readonly number[] = [0],
): RoutePlan {
  const node = typeof rule === "string" ? parsed(rule) : rule;
  return { name, rule: node, ruleText: "", upgrades: [], priority, listeners, service: 0, metrics: [] };
}

export function requestOf(request: TestRequest): RouteRequest {
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

export function holds(rule: RuleNode, request: TestRequest): boolean {
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

export function expected(routes: readonly RoutePlan[], request: TestRequest): string {
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
export const rules = fc.letrec<{ node: RuleNode }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthIdentifier: "rule" },
    leaf,
    fc.array(tie("node"), { minLength: 1, maxLength: 4 }).map((nodes): RuleNode => ({ kind: "and", nodes })),
    fc.array(tie("node"), { minLength: 1, maxLength: 4 }).map((nodes): RuleNode => ({ kind: "or", nodes })),
    tie("node").map((node): RuleNode => ({ kind: "not", node })),
  ),
})).node;
export const routeList = fc
  .array(fc.tuple(rules, fc.integer({ min: -1, max: 2 })), { minLength: 1, maxLength: 12 })
  .chain((list) => fc.shuffledSubarray(list, { minLength: list.length }))
  .map((list) =>
    list.map(([rule, priority], index) => route(`r${(index * 7) % 12}-${index}`, rule, priority)),
  );
const queryText = fc.array(
  fc.constantFrom("k", "=", "&", "a", "+", "b", "%", "20", "%25", "%C3%BC", "__proto__", "?"),
  { maxLength: 8 },
);
export const requests = fc.record({
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
