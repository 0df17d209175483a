import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRule } from "./parse-rule.ts";
import { printRule } from "./print-rule.ts";
import { MAX_PATH_CHARS, MAX_RULE_CHARS, MAX_RULE_DEPTH, MAX_RULE_MATCHERS } from "./rule-limits.ts";
import type { RuleNode } from "./rule.ts";

function check(text: string, expected: RuleNode): void {
  const result = parseRule(text);
  if (!("rule" in result)) assert.fail(`${text}: ${result.error} at ${result.offset}`);
  assert.deepEqual(result.rule, expected);
}

/** `error` and `hint` are parts of the messages. */
function checkError(text: string, offset: number, error: string, hint?: string): void {
  const result = parseRule(text);
  assert.ok("error" in result, `no error: ${text}`);
  assert.ok(result.error.includes(error), `${text}: ${result.error}`);
  assert.equal(result.offset, offset, `${text}: ${result.error}`);
  if (hint !== undefined) assert.ok(result.hint?.includes(hint), `${text}: ${result.hint}`);
}

const host = (name: string): RuleNode => ({ kind: "host", host: name });
const prefix = (text: string): RuleNode => ({ kind: "pathPrefix", prefix: text });

test("each matcher has its node", () => {
  check("Host(`Example.COM`)", host("example.com"));
  check("Host(`example.com.`)", host("example.com"));
  check("Host(`[2001:DB8::1]`)", host("2001:db8::1"));
  check("Host(`2001:DB8:0::1`)", host("2001:db8::1"));
  check("HostRegexp(`[a-z]+\\.example\\.com`)", { kind: "hostRegexp", pattern: "[a-z]+\\.example\\.com" });
  check("Path(`/a`)", { kind: "path", path: "/a" });
  check("PathPrefix(`/`)", prefix("/"));
  check("PathRegexp(`^/v[0-9]+/`)", { kind: "pathRegexp", pattern: "^/v[0-9]+/" });
  check("Method(`get`)", { kind: "method", method: "GET" });
  check("Header(`X-A`, `b`)", { kind: "header", name: "x-a", value: "b" });
  check("HeaderRegexp(`X-A`, `^b`)", { kind: "headerRegexp", name: "x-a", pattern: "^b" });
  check("Query(`k`)", { kind: "query", key: "k" });
  check("Query(`k`, `v=w`)", { kind: "query", key: "k", value: "v=w" });
  check("QueryRegexp(`k`, `v`)", { kind: "queryRegexp", key: "k", pattern: "v" });
  check("ClientIP(`10.1.2.3/8`, `::1`)", { kind: "clientIp", cidrs: ["10.0.0.0/8", "::1/128"] });
});

test("older spellings are the same nodes", () => {
  check("Headers(`X-A`, `b`)", { kind: "header", name: "x-a", value: "b" });
  check("HeadersRegexp(`X-A`, `^b`)", { kind: "headerRegexp", name: "x-a", pattern: "^b" });
  check("Query(`k=v=w`)", { kind: "query", key: "k", value: "v=w" });
  check("Query(`k=`)", { kind: "query", key: "k", value: "" });
});

test("several arguments mean any of them", () => {
  check("Host(`a`, `b`)", { kind: "or", nodes: [host("a"), host("b")] });
  check("Method(`GET`,`HEAD`)", {
    kind: "or",
    nodes: [
      { kind: "method", method: "GET" },
      { kind: "method", method: "HEAD" },
    ],
  });
});

test("! binds tighter than &&, && tighter than ||; parentheses group", () => {
  check("Host(`a`) || Host(`b`) && PathPrefix(`/x`)", {
    kind: "or",
    nodes: [host("a"), { kind: "and", nodes: [host("b"), prefix("/x")] }],
  });
  check("(Host(`a`) || Host(`b`)) && PathPrefix(`/x`)", {
    kind: "and",
    nodes: [{ kind: "or", nodes: [host("a"), host("b")] }, prefix("/x")],
  });
  check("!Host(`a`) && !!Host(`b`)", {
    kind: "and",
    nodes: [
      { kind: "not", node: host("a") },
      { kind: "not", node: { kind: "not", node: host("b") } },
    ],
  });
  check("!(Host(`a`) && Host(`b`))", { kind: "not", node: { kind: "and", nodes: [host("a"), host("b")] } });
  check("(Host(`a`) && Host(`b`)) && Host(`c`)", { kind: "and", nodes: [host("a"), host("b"), host("c")] });
});

test("blanks are free, strings stand in backticks or double quotes", () => {
  check(' Host\t(\n"a" , `b`\r\n) ', { kind: "or", nodes: [host("a"), host("b")] });
  check("Host(`a`)&&Path(`/`)", { kind: "and", nodes: [host("a"), { kind: "path", path: "/" }] });
  check('Header("X-A", "q\\"\\\\\\t`")', { kind: "header", name: "x-a", value: 'q"\\\t`' });
  check("PathRegexp(`\\d`)", { kind: "pathRegexp", pattern: "\\d" });
});

test("syntax errors say what was expected and where", () => {
  checkError("", 0, "expected a matcher, ! or (, found the end of the rule");
  checkError("Host", 4, "expected ( after Host, found the end of the rule");
  checkError("Host()", 0, "Host takes at least 1 argument (host, ...), got 0");
  checkError("Host(`a`", 8, "expected , or ), found the end");
  checkError("Host(`a`,)", 9, "expected an argument in backticks or double quotes, found )");
  checkError("Host(a)", 5, "expected an argument in backticks or double quotes, found a");
  checkError("Host(`a` `b`)", 9, "expected , or ), found an argument");
  checkError("Host(`a`) Path(`/`)", 10, "expected &&, || or the end of the rule, found Path");
  checkError("(Host(`a`)", 10, "expected &&, || or the ) for the ( at 0");
  checkError("Host(`a`))", 9, "found )");
  checkError("Host(`a`) & Path(`/`)", 10, "unexpected &", "write &&");
  checkError("Host(`a`) &&", 12, "expected a matcher, ! or (");
  checkError("Host('a')", 5, "unexpected '", "backticks");
  checkError("Host(`a", 5, "no closing backtick");
  checkError('Host("a', 5, "no closing quote");
  checkError('PathRegexp("^/\\d")', 14, "unknown escape \\d", "backticks");
  checkError("Host(`a`) # b", 10, 'unexpected "#"');
});

test("names that are almost right get a suggestion", () => {
  checkError("host(`a`)", 0, "unknown matcher host", "did you mean Host?");
  checkError("Host(`a`) && PathPrefx(`/`)", 13, "unknown matcher PathPrefx", "did you mean PathPrefix?");
  checkError("Cookie(`a`)", 0, "unknown matcher Cookie", "the matchers are Host,");
  checkError("HostSNI(`*`)", 0, "without HTTP", "use Host(...)");
  checkError("__proto__(`a`)", 0, "unknown matcher __proto__");
  checkError("constructor(`a`)", 0, "unknown matcher constructor");
});

test("wrong numbers of arguments are named", () => {
  checkError("Header(`a`)", 0, "Header takes 2 arguments (name, value), got 1");
  checkError("Path(`/`) && Headers(`a`,`b`,`c`)", 13, "Headers takes 2 arguments (name, value), got 3");
  checkError("Query(`a`,`b`,`c`)", 0, "Query takes 1 or 2 arguments (key, or key and value), got 3");
  checkError("ClientIP()", 0, "ClientIP takes at least 1 argument");
});

test("wrong hosts are explained", () => {
  checkError("Host(``)", 6, "Host: the host must not be empty");
  checkError("Host(`a`,`.`)", 10, "no empty labels");
  checkError("Host(`a..b`)", 8, "no empty labels");
  checkError("Host(`example.com:8080`)", 17, "without port", "Host(`example.com`)");
  checkError("Host(`https://example.com/x`)", 6, "without scheme", "Host(`example.com`)");
  checkError("Host(`example.com/x`)", 17, "without path", "Host(`example.com`) && PathPrefix(`/x`)");
  checkError("Host(`*.example.com`)", 6, "exactly", "HostRegexp(`[^.]+\\.example\\.com`)");
  checkError("Host(`bücher.example`)", 7, "ASCII", "Host(`xn--bcher-kva.example`)");
  checkError("Host(`a b`)", 7, '" " cannot be part of a host');
  checkError(`Host(\`${"a".repeat(64)}.b\`)`, 6, "at most 63");
  checkError(`Host(\`${"a.".repeat(127)}b\`)`, 259, "at most 253");
});

test("wrong paths are explained", () => {
  checkError("Path(``)", 6, "a path starts with /", "PathPrefix(`/`)");
  checkError("PathPrefix(`api`)", 12, "a path starts with /", "write /api");
  checkError("Path(`/a?b=c`)", 8, "query", "Query(");
  checkError("Path(`/a b`)", 8, "percent-encoded", "write %20");
  checkError("Path(`/ü`)", 7, "percent-encoded", "write %C3%BC");
  checkError("Path(`/😀`)", 7, "percent-encoded", "write %F0%9F%98%80");
  checkError("Path(`/users/{id}`)", 13, "literally", "PathRegexp");
  checkError("Path(`/a#b`)", 8, "fragment");
  checkError(`Path(\`/${"a".repeat(MAX_PATH_CHARS)}\`)`, MAX_PATH_CHARS + 6, "at most 1024");
});

test("wrong patterns, addresses, names and values are explained at their place", () => {
  checkError("PathRegexp(`^/a(b`)", 15, "PathRegexp: invalid regular expression: missing closing )");
  checkError('HeaderRegexp("X-A", "\\\\d(")', 24, "missing closing )");
  checkError("HostRegexp(`{sub:[a-z]+}.example.com`)", 12, "not part of a regular expression", "[a-z]+");
  checkError("HostRegexp(``)", 12, "must not be empty");
  checkError("ClientIP(`10.0.0.0/8`, `10.0.0.0/33`)", 33, "the prefix length 33 is over 32");
  checkError("ClientIP(`localhost`)", 10, "not an IP address");
  checkError("Header(`X A`, `b`)", 8, '"X A" is not a field name');
  checkError("Header(`Host`, `b`)", 8, "cannot be matched as a header", "use Host(...)");
  checkError("HeaderRegexp(`Upgrade`, `b`)", 14, "cannot be matched as a header", "one connection");
  checkError("Header(`X`, ` b`)", 13, "never matches");
  checkError("Method(``)", 8, "must not be empty");
  checkError("Method(`G T`)", 8, "is not a method");
  checkError("Query(`=v`)", 7, "key must not be empty");
  checkError("Query(`a=b`, `c=d`)", 8, "the first is the key alone", "Query(`a=b`) && Query(`c=d`)");
});

test("length, depth and number of arguments are bounded", () => {
  const atDepth = (depth: number): string => `${"(".repeat(depth)}Host(\`a\`)${")".repeat(depth)}`;
  check(atDepth(MAX_RULE_DEPTH), host("a"));
  checkError(atDepth(MAX_RULE_DEPTH + 1), MAX_RULE_DEPTH, "nest at most 32 deep");
  checkError(`${"!".repeat(10_000)}Host(\`a\`)`, MAX_RULE_DEPTH, "nest at most 32 deep");
  checkError(" ".repeat(MAX_RULE_CHARS + 1), MAX_RULE_CHARS, "at most 16384 characters");
  const hosts = Array.from({ length: MAX_RULE_MATCHERS + 1 }, () => "`a`");
  assert.ok("rule" in parseRule(`Host(${hosts.slice(1).join()})`));
  checkError(`Host(${hosts.join()})`, 5 + 4 * MAX_RULE_MATCHERS, "at most 1024 arguments");
});

const word = fc.stringMatching(/^[a-z]{1,5}$/);
/** No short word that is refused as a field name. */
const field = word.map((name) => `x-${name}`);
const text = fc.string({
  unit: fc.constantFrom("a", "`", '"', "\\", "\t", "é", ")", "&"),
  minLength: 1,
  maxLength: 6,
});
const leaf: fc.Arbitrary<RuleNode> = fc.oneof(
  word.map(host),
  word.map((path): RuleNode => ({ kind: "path", path: `/${path}` })),
  word.map((path) => prefix(`/${path}`)),
  word.map((pattern): RuleNode => ({ kind: "hostRegexp", pattern })),
  word.map((pattern): RuleNode => ({ kind: "pathRegexp", pattern: `^/\\w"${pattern}\`` })),
  fc.constantFrom("GET", "POST").map((method): RuleNode => ({ kind: "method", method })),
  fc.tuple(field, text).map(([name, value]): RuleNode => ({ kind: "header", name, value: `x${value}x` })),
  fc.tuple(field, word).map(([name, pattern]): RuleNode => ({ kind: "headerRegexp", name, pattern })),
  fc.tuple(word, text).map(([key, value]): RuleNode => ({ kind: "query", key, value })),
  word.map((key): RuleNode => ({ kind: "query", key })),
  fc.tuple(text, word).map(([key, pattern]): RuleNode => ({ kind: "queryRegexp", key, pattern })),
  fc
    .constantFrom(["10.0.0.0/8"], ["::1/128", "192.0.2.0/24"])
    .map((cidrs): RuleNode => ({ kind: "clientIp", cidrs })),
);
const tree = fc.letrec<{ node: RuleNode }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthIdentifier: "rule" },
    leaf,
    fc
      .tuple(fc.constantFrom("and", "or"), fc.array(tie("node"), { minLength: 2, maxLength: 4 }))
      .map(([kind, nodes]) => joined(kind, nodes)),
    tie("node").map((node): RuleNode => ({ kind: "not", node })),
  ),
})).node;

/** As the parser joins: no list directly in a list of the same operator. */
function joined(kind: "and" | "or", nodes: readonly RuleNode[]): RuleNode {
  return { kind, nodes: nodes.flatMap((node) => (node.kind === kind ? node.nodes : [node])) };
}

test("what is printed is parsed to the same tree, and printed the same again", () => {
  fc.assert(
    fc.property(tree, (rule) => {
      const printed = printRule(rule);
      check(printed, rule);
    }),
    { numRuns: 1000 },
  );
});

test("a printed rule is short and plain", () => {
  const result = parseRule(
    '(Host("a")||Host(`b`)) && !(Method(`GET`) || Query("k=v"))&&(Headers(`X-A`,`b`))',
  );
  assert.ok("rule" in result);
  assert.equal(
    printRule(result.rule),
    "Host(`a`, `b`) && !(Method(`GET`) || Query(`k`, `v`)) && Header(`x-a`, `b`)",
  );
  assert.ok("rule" in parseRule(printRule({ kind: "all" })));
});

test("any text gives a rule or an error inside the text", () => {
  const piece = fc.constantFrom(
    "Host",
    "Path",
    "(",
    ")",
    "`a`",
    '"/"',
    ",",
    "&&",
    "||",
    "!",
    " ",
    "`",
    '"',
    "\\",
    "&",
    "x",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const source = pieces.join("");
      const result = parseRule(source);
      if ("error" in result)
        assert.ok(
          result.offset >= 0 && result.offset <= source.length && result.error !== "the rule cannot be read",
        );
    }),
    { numRuns: 2000 },
  );
});
