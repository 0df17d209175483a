/**
 * Writes a rule's tree as canonical text, for people and for comparing configurations: names in the
 * current spelling, one blank around operators, only the parentheses that are needed. Parsing the
 * text gives the tree again.
 */
import type { RuleNode } from "./rule.ts";

/** Matchers that take a list: alternatives of one such kind are printed as one matcher. */
const LIST_NAMES = {
  host: "Host",
  hostRegexp: "HostRegexp",
  path: "Path",
  pathPrefix: "PathPrefix",
  pathRegexp: "PathRegexp",
  method: "Method",
} as const;

type ListNode = Extract<RuleNode, { kind: keyof typeof LIST_NAMES }>;

export function printRule(rule: RuleNode): string {
  switch (rule.kind) {
    case "all":
      return "HostRegexp(`.*`)";
    case "and":
      return rule.nodes
        .map((node) => (needsParentheses(node) ? `(${printRule(node)})` : printRule(node)))
        .join(" && ");
    case "or":
      return printList(rule.nodes) ?? rule.nodes.map(printRule).join(" || ");
    case "not":
      return rule.node.kind === "and" || needsParentheses(rule.node)
        ? `!(${printRule(rule.node)})`
        : `!${printRule(rule.node)}`;
    case "host":
    case "hostRegexp":
    case "path":
    case "pathPrefix":
    case "pathRegexp":
    case "method":
      return call(LIST_NAMES[rule.kind], [listValue(rule)]);
    case "header":
      return call("Header", [rule.name, rule.value]);
    case "headerRegexp":
      return call("HeaderRegexp", [rule.name, rule.pattern]);
    case "query":
      return call("Query", rule.value === undefined ? [rule.key] : [rule.key, rule.value]);
    case "queryRegexp":
      return call("QueryRegexp", [rule.key, rule.pattern]);
    case "clientIp":
      return call("ClientIP", rule.cidrs);
  }
}

function needsParentheses(node: RuleNode): boolean {
  return node.kind === "or" && printList(node.nodes) === undefined;
}

/** Alternatives of one kind as one matcher; `undefined` when they are of several kinds. */
function printList(nodes: readonly RuleNode[]): string | undefined {
  const [first] = nodes;
  if (first === undefined || !isListNode(first)) return undefined;
  const values: string[] = [];
  for (const node of nodes) {
    if (node.kind !== first.kind || !isListNode(node)) return undefined;
    values.push(listValue(node));
  }
  return call(LIST_NAMES[first.kind], values);
}

function isListNode(node: RuleNode): node is ListNode {
  return Object.hasOwn(LIST_NAMES, node.kind);
}

function listValue(node: ListNode): string {
  switch (node.kind) {
    case "host":
      return node.host;
    case "path":
      return node.path;
    case "pathPrefix":
      return node.prefix;
    case "hostRegexp":
    case "pathRegexp":
      return node.pattern;
    case "method":
      return node.method;
  }
}

function call(name: string, values: readonly string[]): string {
  return `${name}(${values.map(quote).join(", ")})`;
}

function quote(value: string): string {
  if (!value.includes("`")) return `\`${value}\``;
  const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return `"${escaped.replaceAll("\t", "\\t").replaceAll("\n", "\\n").replaceAll("\r", "\\r")}"`;
}
