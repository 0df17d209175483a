/**
 * Why a rule does not hold for a request: the first part of it that fails, in the order in which it is
 * written. Made of the same predicates as the router, one for each part; for explanations, never per request.
 */
import type { PredicateCompiler } from "./compile-predicate.ts";
import { printRule } from "./print-rule.ts";
import type { RouteInput } from "./route-input.ts";
import type { RuleNode } from "./rule.ts";

export interface RuleFailure {
  /** The part of the rule, as text. */
  readonly part: string;
  /** What the request has in its place. */
  readonly found: string;
  /** What the part is about. */
  readonly about: RuleNode["kind"];
}

/** `undefined`: the rule holds. */
export function ruleFailure(
  rule: RuleNode,
  request: RouteInput,
  compiler: PredicateCompiler,
): RuleFailure | undefined {
  if (compiler.all([rule])?.matches(request) === true) return undefined;
  const node = failing(rule, request, compiler);
  return { part: printRule(node), found: foundFor(node, request), about: subject(node) };
}

/** The part that fails, of a rule that fails: of `&&` the first one, of `||` all together. */
function failing(rule: RuleNode, request: RouteInput, compiler: PredicateCompiler): RuleNode {
  if (rule.kind !== "and") return rule;
  const first = rule.nodes.find((node) => compiler.all([node])?.matches(request) !== true);
  return first === undefined ? rule : failing(first, request, compiler);
}

/** A list of one kind is about that kind. */
function subject(node: RuleNode): RuleNode["kind"] {
  const [first] = node.kind === "or" ? node.nodes : [];
  if (node.kind !== "or" || first === undefined) return node.kind;
  return node.nodes.every(({ kind }) => kind === first.kind) ? first.kind : "or";
}

/** Every kind of value that the part looks at, once. */
function foundFor(node: RuleNode, request: RouteInput): string {
  return [...new Set(leavesOf(node).map((leaf) => valueFor(leaf, request)))].join(", ");
}

function leavesOf(node: RuleNode): readonly RuleNode[] {
  switch (node.kind) {
    case "and":
    case "or":
      return node.nodes.flatMap(leavesOf);
    case "not":
      return leavesOf(node.node);
    case "all":
    case "host":
    case "hostRegexp":
    case "path":
    case "pathPrefix":
    case "pathRegexp":
    case "method":
    case "header":
    case "headerRegexp":
    case "query":
    case "queryRegexp":
    case "clientIp":
      return [node];
  }
}

function valueFor(leaf: RuleNode, request: RouteInput): string {
  const { bytes, targetStart, pathEnd, targetEnd } = request;
  switch (leaf.kind) {
    case "host":
    case "hostRegexp":
      return request.host === "" ? "no host" : `host ${request.host}`;
    case "path":
    case "pathPrefix":
    case "pathRegexp":
      return `path ${bytes.toString("latin1", targetStart, pathEnd)}`;
    case "method":
      return `method ${request.head.method}`;
    case "header":
    case "headerRegexp":
      return headerValue(leaf.name, request);
    case "query":
    case "queryRegexp":
      return pathEnd === targetEnd ? "no query" : `query ${bytes.toString("latin1", pathEnd + 1, targetEnd)}`;
    case "clientIp":
      return `client ${request.clientIp}`;
    case "all":
    case "and":
    case "or":
    case "not":
      return "";
  }
}

function headerValue(name: string, { head }: RouteInput): string {
  const { fields } = head;
  const lower = Buffer.from(name, "latin1");
  const values: string[] = [];
  for (let i = fields.findNamed(lower); i !== -1; i = fields.findNamed(lower, i + 1))
    values.push(fields.value(i));
  return values.length === 0 ? `no ${name}` : values.map((value) => `${name}: ${value}`).join(", ");
}
