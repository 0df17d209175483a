/** Whether two parts of rules say the same in the same words. */
import type { RuleNode } from "./rule.ts";

export function sameNode(a: RuleNode, b: RuleNode): boolean {
  switch (a.kind) {
    case "all":
      return b.kind === "all";
    case "and":
    case "or":
      return b.kind === a.kind && sameList(a.nodes, b.nodes, sameNode);
    case "not":
      return b.kind === "not" && sameNode(a.node, b.node);
    case "host":
      return b.kind === "host" && a.host === b.host;
    case "path":
      return b.kind === "path" && a.path === b.path;
    case "pathPrefix":
      return b.kind === "pathPrefix" && a.prefix === b.prefix;
    case "method":
      return b.kind === "method" && a.method === b.method;
    case "hostRegexp":
    case "pathRegexp":
      return b.kind === a.kind && a.pattern === b.pattern;
    case "header":
      return b.kind === "header" && a.name === b.name && a.value === b.value;
    case "headerRegexp":
      return b.kind === "headerRegexp" && a.name === b.name && a.pattern === b.pattern;
    case "query":
      return b.kind === "query" && a.key === b.key && a.value === b.value;
    case "queryRegexp":
      return b.kind === "queryRegexp" && a.key === b.key && a.pattern === b.pattern;
    case "clientIp":
      return b.kind === "clientIp" && sameList(a.cidrs, b.cidrs, Object.is);
  }
}

function sameList<T>(a: readonly T[], b: readonly T[], same: (one: T, other: T) => boolean): boolean {
  return a.length === b.length && a.every((one, index) => same(one, b[index] as T));
}
