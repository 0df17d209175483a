/**
 * The matchers of the rule language: name, number of arguments, and how their checked values become
 * a node. The parser looks names up here; nothing else knows the list.
 */
import { parseCidr } from "../../base/cidr.ts";
import type { RuleNode } from "./rule.ts";
import { type ArgumentError, ruleHost } from "./rule-host.ts";
import { MAX_PATH_CHARS } from "./rule-limits.ts";
import { checkPattern } from "./rule-pattern.ts";

/** An error in one of a matcher's arguments. */
export interface MatcherError extends ArgumentError {
  /** Which argument. */
  readonly argument: number;
}

export interface Matcher {
  readonly name: string;
  readonly minArguments: number;
  readonly maxArguments: number;
  /** The arguments in words, for error messages. */
  readonly usage: string;
  build(values: readonly string[]): RuleNode | MatcherError;
}

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/**
 * Fields that rules do not see, so that a rule on them would never match: the codec keeps what frames
 * the message apart, and what is meant for one hop is taken out before routing (RFC 9110 section 7.6.1).
 */
const UNSEEN_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const LIST = Number.POSITIVE_INFINITY;

/** Names as written in rules, older spellings included. */
export const MATCHERS: ReadonlyMap<string, Matcher> = new Map(
  [
    each("Host", "host", hostNode),
    each("HostRegexp", "regexp", patternNode("hostRegexp")),
    each("Path", "path", pathNode),
    each("PathPrefix", "prefix", prefixNode),
    each("PathRegexp", "regexp", patternNode("pathRegexp")),
    each("Method", "method", methodNode),
    fixed("Header", "name, value", headerNode),
    fixed("Headers", "name, value", headerNode),
    fixed("HeaderRegexp", "name, regexp", headerPatternNode),
    fixed("HeadersRegexp", "name, regexp", headerPatternNode),
    { name: "Query", minArguments: 1, maxArguments: 2, usage: "key, or key and value", build: queryNode },
    fixed("QueryRegexp", "key, regexp", queryPatternNode),
    { name: "ClientIP", minArguments: 1, maxArguments: LIST, usage: "CIDR block, ...", build: clientIpNode },
  ].map((matcher): [string, Matcher] => [matcher.name, matcher]),
);

/** A matcher that takes any number of values, of which one must match. */
function each(name: string, value: string, node: (value: string) => RuleNode | ArgumentError): Matcher {
  return {
    name,
    minArguments: 1,
    maxArguments: LIST,
    usage: `${value}, ...`,
    build(values) {
      const nodes: RuleNode[] = [];
      for (const [argument, text] of values.entries()) {
        const built = node(text);
        if ("error" in built) return { ...built, argument };
        nodes.push(built);
      }
      const [only] = nodes;
      return nodes.length === 1 && only !== undefined ? only : { kind: "or", nodes };
    },
  };
}

/** A matcher of exactly two arguments. */
function fixed(name: string, usage: string, build: Matcher["build"]): Matcher {
  return { name, minArguments: 2, maxArguments: 2, usage, build };
}

function hostNode(value: string): RuleNode | ArgumentError {
  const host = ruleHost(value);
  return typeof host === "string" ? { kind: "host", host } : host;
}

function patternNode(kind: "hostRegexp" | "pathRegexp"): (pattern: string) => RuleNode | ArgumentError {
  return (pattern) => {
    const braces = pattern.search(/\{[A-Za-z_]\w*(:|\})/);
    if (braces !== -1) {
      const hint = "write a regular expression, such as [a-z]+ in place of {name:[a-z]+}";
      return { error: "{name} and {name:regexp} are not part of a regular expression", offset: braces, hint };
    }
    return checkPattern(pattern) ?? { kind, pattern };
  };
}

function pathNode(path: string): RuleNode | ArgumentError {
  return badPath(path) ?? { kind: "path", path };
}

function prefixNode(prefix: string): RuleNode | ArgumentError {
  return badPath(prefix) ?? { kind: "pathPrefix", prefix };
}

/** Paths are compared as they stand in the request: percent-encoded ASCII, without the query. */
function badPath(path: string): ArgumentError | undefined {
  if (!path.startsWith("/")) {
    const hint = path === "" || path === "*" ? "PathPrefix(`/`) matches every path" : `write /${path}`;
    return { error: "a path starts with /", offset: 0, hint };
  }
  if (path.length > MAX_PATH_CHARS)
    return { error: `a path has at most ${MAX_PATH_CHARS} characters`, offset: MAX_PATH_CHARS };
  const offset = path.search(/[^!-~]|[?#{}]/);
  if (offset === -1) return undefined;
  const character = String.fromCodePoint(path.codePointAt(offset) ?? 0);
  if (character === "?")
    return { error: "the query is not part of the path", offset, hint: "use Query(`key`, `value`)" };
  if (character === "#") return { error: "a request has no fragment", offset };
  if (character === "{" || character === "}") {
    return { error: "paths are compared literally", offset, hint: "use PathRegexp(...) for a pattern" };
  }
  const hint = `write ${encodeURIComponent(character.toWellFormed())}`;
  return { error: `${JSON.stringify(character)} stands percent-encoded in a path`, offset, hint };
}

function methodNode(value: string): RuleNode | ArgumentError {
  if (value === "") return { error: "the method must not be empty", offset: 0 };
  if (!TOKEN.test(value)) return { error: `${JSON.stringify(value)} is not a method`, offset: 0 };
  return { kind: "method", method: value.toUpperCase() };
}

function headerNode(values: readonly string[]): RuleNode | MatcherError {
  const [name = "", value = ""] = values;
  const bad = badFieldName(name);
  if (bad !== undefined) return bad;
  const offset = value.search(/[\r\n\0]|^[ \t]|[ \t]$/);
  if (offset !== -1)
    return {
      error: "a field value has no blanks at its ends, line ends or NUL: it never matches",
      offset,
      argument: 1,
    };
  return { kind: "header", name: name.toLowerCase(), value };
}

function headerPatternNode(values: readonly string[]): RuleNode | MatcherError {
  const [name = "", pattern = ""] = values;
  const bad = badFieldName(name) ?? badPattern(pattern);
  return bad ?? { kind: "headerRegexp", name: name.toLowerCase(), pattern };
}

function badFieldName(name: string): MatcherError | undefined {
  if (!TOKEN.test(name)) {
    const error =
      name === "" ? "the field name must not be empty" : `${JSON.stringify(name)} is not a field name`;
    return { error, offset: 0, argument: 0 };
  }
  if (!UNSEEN_FIELDS.has(name.toLowerCase())) return undefined;
  const host = name.toLowerCase() === "host";
  const hint = host ? "use Host(...)" : "it belongs to one connection, not to the request";
  return { error: `${name} cannot be matched as a header`, offset: 0, argument: 0, hint };
}

function badPattern(pattern: string): MatcherError | undefined {
  const bad = checkPattern(pattern);
  return bad === undefined ? undefined : { ...bad, argument: 1 };
}

/** `Query(`k`)`, `Query(`k`, `v`)`, and the older `Query(`k=v`)`. */
function queryNode(values: readonly string[]): RuleNode | MatcherError {
  const [first = "", value] = values;
  const equals = first.indexOf("=");
  if (first === "" || equals === 0)
    return { error: "the query key must not be empty", offset: 0, argument: 0 };
  if (equals === -1)
    return value === undefined ? { kind: "query", key: first } : { kind: "query", key: first, value };
  if (value === undefined)
    return { kind: "query", key: first.slice(0, equals), value: first.slice(equals + 1) };
  const hint = "Query(`a=b`) && Query(`c=d`), or Query(`a`, `b`)";
  return { error: "with two arguments the first is the key alone", offset: equals, argument: 0, hint };
}

function queryPatternNode(values: readonly string[]): RuleNode | MatcherError {
  const [key = "", pattern = ""] = values;
  if (key === "") return { error: "the query key must not be empty", offset: 0, argument: 0 };
  return badPattern(pattern) ?? { kind: "queryRegexp", key, pattern };
}

function clientIpNode(values: readonly string[]): RuleNode | MatcherError {
  const cidrs: string[] = [];
  for (const [argument, text] of values.entries()) {
    const cidr = parseCidr(text);
    if ("error" in cidr) return { error: cidr.error, offset: cidr.offset, argument };
    cidrs.push(cidr.text);
  }
  return { kind: "clientIp", cidrs };
}
