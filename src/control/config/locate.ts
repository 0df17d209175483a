/**
 * Where in the file a key or a value stands. The reader works on values without places; only when there
 * is something to report is the text parsed once more, by a parser that keeps them. It is loaded only then.
 */
import { createRequire } from "node:module";
import type * as TomlParser from "toml-eslint-parser";
import type { AST } from "toml-eslint-parser";
import type { ConfigPath, IssueDetail } from "./issue.ts";

/** Line and column from 1; both 0: not known. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Locator {
  find(path: ConfigPath, detail: IssueDetail): Place;
}

const NOWHERE: Place = { line: 0, column: 0 };

/** Larger files are generated, and a syntax tree of them would take gigabytes: they get paths without lines. */
const MAX_LOCATED_CHARS = 2 * 1024 * 1024;

/** The schema has 5 levels; what is nested deeper is found by the table around it. */
const MAX_INDEXED_DEPTH = 12;

interface Span {
  readonly key: AST.TOMLNode;
  readonly value: AST.TOMLNode;
}

/** A locator for a text that `smol-toml` has accepted. */
export function createLocator(source: string): Locator {
  const text = source.startsWith("\ufeff") ? source.slice(1) : source;
  if (text.length > MAX_LOCATED_CHARS) return { find: () => NOWHERE };
  const spans = index(text);
  if (spans.size === 0) return { find: () => NOWHERE };
  return { find: (path, detail) => find(text, spans, path, detail) };
}

/** The first place at or above `path` that stands in the file. */
function find(text: string, spans: ReadonlyMap<string, Span>, path: ConfigPath, detail: IssueDetail): Place {
  for (let length = path.length; length > 0; length--) {
    const span = spans.get(JSON.stringify(path.slice(0, length)));
    if (span === undefined) continue;
    const exact = length === path.length;
    const node = detail.at === "key" || !exact ? span.key : span.value;
    const start = node.loc.start;
    const shift = exact ? insideString(text, node, detail.offset) : 0;
    return { line: start.line, column: start.column + 1 + shift };
  }
  return path.length === 0 ? NOWHERE : { line: 1, column: 1 };
}

/** How far into the value's text an offset into the string lies; 0 when escapes make them differ. */
function insideString(text: string, node: AST.TOMLNode, offset: number | undefined): number {
  if (offset === undefined || node.type !== "TOMLValue" || node.kind !== "string" || node.multiline) return 0;
  const raw = text.slice(node.range[0] + 1, node.range[1] - 1);
  return raw === node.value && offset <= raw.length ? offset + 1 : 0;
}

/** The span of every key of the file, under its path as JSON. Empty when the parser does not take the text. */
function index(text: string): Map<string, Span> {
  const spans = new Map<string, Span>();
  const load = createRequire(import.meta.url);
  const { parseTOML } = load("toml-eslint-parser") as typeof TomlParser;
  try {
    const program = parseTOML(text, { tomlVersion: "1.1" });
    for (const node of program.body[0].body) {
      if (node.type === "TOMLTable") addTable(spans, node);
      else addKeyValue(spans, node, []);
    }
  } catch {
    // The two parsers differ on this text: the issue is worth more than its line.
    spans.clear();
  }
  return spans;
}

function addTable(spans: Map<string, Span>, node: AST.TOMLTable): void {
  const path = node.resolvedKey;
  let parts = 0;
  for (let length = 1; length <= Math.min(path.length, MAX_INDEXED_DEPTH); length++) {
    const key = typeof path[length - 1] === "string" ? node.key.keys[parts++] : node.key;
    put(spans, path.slice(0, length), { key: key ?? node.key, value: key ?? node.key });
  }
  if (path.length >= MAX_INDEXED_DEPTH) return;
  for (const item of node.body) addKeyValue(spans, item, path);
}

function addKeyValue(spans: Map<string, Span>, node: AST.TOMLKeyValue, base: ConfigPath): void {
  if (base.length + node.key.keys.length > MAX_INDEXED_DEPTH) return;
  const path = [...base];
  for (const part of node.key.keys) {
    path.push(part.type === "TOMLBare" ? part.name : part.value);
    put(spans, path, { key: part, value: node.value });
  }
  addValue(spans, node.value, path);
}

function addValue(spans: Map<string, Span>, node: AST.TOMLContentNode, path: ConfigPath): void {
  if (node.type === "TOMLInlineTable") {
    for (const item of node.body) addKeyValue(spans, item, path);
  } else if (node.type === "TOMLArray") {
    if (path.length >= MAX_INDEXED_DEPTH) return;
    for (const [position, element] of node.elements.entries()) {
      const inner = [...path, position];
      put(spans, inner, { key: element, value: element });
      addValue(spans, element, inner);
    }
  }
}

function put(spans: Map<string, Span>, path: ConfigPath, span: Span): void {
  const key = JSON.stringify(path);
  if (!spans.has(key)) spans.set(key, span);
}
