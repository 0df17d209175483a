/**
 * Reads a parsed TOML tree by the schema: checks, converts and fills in defaults. Everything wrong is
 * reported to the collector; the value that comes back always has the shape that the schema promises, with
 * a placeholder where the file has nothing usable, so that later checks can go on and report too.
 */
import type { Field, ObjectField, RecordField, StringMapField, TablesField, VariantField } from "./field.ts";
import { label } from "./format.ts";
import type { ConfigPath, IssueCollector } from "./issue.ts";
import { readScalar, zeroOf } from "./read-scalar.ts";
import { closest } from "../../base/closest.ts";
import { quote } from "./quote.ts";
import { describe, isTable, type Table } from "./toml-value.ts";

export interface ReadContext {
  readonly issues: IssueCollector;
  /** Where else a key is known, for hints: `header_timeout_ms` in `[listeners.http]`. */
  readonly elsewhere: (key: string) => string | undefined;
}

/** Reads one value; `raw` is `undefined` when the key is absent. */
export function readField(field: Field, raw: unknown, path: ConfigPath, context: ReadContext): unknown {
  if (raw === undefined) return readAbsent(field, path, context);
  if (context.issues.isBad(path)) return zeroOf(field);
  switch (field.kind) {
    case "object":
      return isTable(raw)
        ? readObject(field, raw, path, context)
        : wrongKind("a table", field, raw, path, context);
    case "variant":
      return isTable(raw)
        ? readVariant(field, raw, path, context)
        : wrongKind("a table", field, raw, path, context);
    case "tables":
      return readTables(field, raw, path, context);
    case "record":
      return readRecord(field, raw, path, context);
    case "stringMap":
      return readStringMap(field, raw, path, context);
    case "string":
    case "integer":
    case "number":
    case "duration":
    case "boolean":
    case "enum":
    case "strings":
      return readScalar(field, raw, path, context.issues);
  }
}

function readAbsent(field: Field, path: ConfigPath, context: ReadContext): unknown {
  if (field.presence === "optional") return undefined;
  if (field.presence === "required") {
    const key = String(path.at(-1));
    const example = field.example === undefined ? undefined : `as in ${key} = ${field.example}`;
    context.issues.invalid(path, `"${key}" is missing${inTable(path)}`, { at: "key", hint: example });
    return zeroOf(field);
  }
  if (field.kind === "object") return readObject(field, {}, path, context);
  return "default" in field ? field.default : zeroOf(field);
}

function wrongKind(
  expected: string,
  field: Field,
  raw: unknown,
  path: ConfigPath,
  context: ReadContext,
): unknown {
  context.issues.invalid(path, `expected ${expected}, found ${describe(raw)}`);
  return zeroOf(field);
}

function readObject(
  field: ObjectField,
  raw: Table,
  path: ConfigPath,
  context: ReadContext,
  tag?: string,
): Table {
  reportUnknown(field, raw, path, context, tag);
  const result: Table = {};
  for (const [key, inner] of Object.entries(field.fields)) {
    const written = writtenAs(key, inner, raw, path, context);
    result[key] = readField(inner, raw[written], [...path, written], context);
  }
  return result;
}

/** The spelling of a key that the file uses; two spellings at once are an error. */
function writtenAs(key: string, field: Field, raw: Table, path: ConfigPath, context: ReadContext): string {
  const spellings = [key, ...(field.aliases ?? [])].filter((name) => Object.hasOwn(raw, name));
  const [first, second] = spellings;
  if (first !== undefined && second !== undefined) {
    context.issues.error([...path, second], `"${first}" and "${second}" are two spellings of one key`, {
      at: "key",
    });
  }
  return first ?? key;
}

function reportUnknown(
  field: ObjectField,
  raw: Table,
  path: ConfigPath,
  context: ReadContext,
  tag: string | undefined,
): void {
  const known = Object.entries(field.fields).flatMap(([key, inner]) => [key, ...(inner.aliases ?? [])]);
  if (tag !== undefined) known.push(tag);
  for (const key of Object.keys(raw)) {
    if (known.includes(key)) continue;
    const hint = context.issues.isFull
      ? undefined
      : unknownKeyHint(field, key, Object.keys(field.fields), context);
    const message = `unknown key ${quote(key)}${inTable([...path, key])}`;
    context.issues.error([...path, key], message, { at: "key", hint });
  }
}

function unknownKeyHint(
  field: ObjectField,
  key: string,
  known: readonly string[],
  context: ReadContext,
): string {
  const renamed = Object.hasOwn(field.renamed, key) ? field.renamed[key] : undefined;
  if (renamed !== undefined) return renamed;
  const allowed = `allowed: ${known.toSorted().join(", ")}`;
  const place = context.elsewhere(key);
  if (place !== undefined) return `"${key}" is a key of ${place}; ${allowed}`;
  const near = closest(key, known);
  return near === undefined ? allowed : `did you mean "${near}"? ${allowed}`;
}

function readVariant(field: VariantField, raw: Table, path: ConfigPath, context: ReadContext): unknown {
  const tagPath = [...path, field.tag];
  const tag = raw[field.tag];
  const names = Object.keys(field.variants);
  if (tag === undefined) {
    const hint = `one of ${names.join(", ")}`;
    context.issues.invalid(tagPath, `"${field.tag}" is missing${inTable(tagPath)}`, { at: "key", hint });
  } else if (typeof tag !== "string") {
    context.issues.invalid(tagPath, `expected a string, found ${describe(tag)}`);
  } else if (Object.hasOwn(field.variants, tag)) {
    const chosen = field.variants[tag];
    return chosen && { [field.tag]: tag, ...readObject(chosen, raw, path, context, field.tag) };
  } else {
    const refused = Object.hasOwn(field.refused, tag) ? field.refused[tag] : undefined;
    const near = closest(tag, names);
    const guess = near === undefined ? "" : `did you mean "${near}"? `;
    const hint = refused ?? `${guess}allowed: ${names.join(", ")}`;
    context.issues.invalid(tagPath, `${quote(tag)} is not a known ${field.tag}`, { hint });
  }
  context.issues.markBad(path);
  return zeroOf(field);
}

function readTables(field: TablesField, raw: unknown, path: ConfigPath, context: ReadContext): unknown[] {
  if (!Array.isArray(raw)) {
    const name = path.filter((step) => typeof step === "string").join(".");
    const hint = isTable(raw) ? `write the header with two brackets: [[${name}]]` : undefined;
    context.issues.invalid(path, `expected an array of tables, found ${describe(raw)}`, { hint });
    return [];
  }
  if (raw.length > field.maxItems) {
    context.issues.invalid(path, `${raw.length} entries; at most ${field.maxItems} are allowed`, {
      at: "key",
    });
    return [];
  }
  return raw.map((item: unknown, index) => readField(field.item, item, [...path, index], context));
}

function readRecord(field: RecordField, raw: unknown, path: ConfigPath, context: ReadContext): Table {
  const result: Table = Object.create(null) as Table;
  if (!isTable(raw)) {
    wrongKind("a table of tables", field, raw, path, context);
    return result;
  }
  const names = Object.keys(raw);
  if (names.length > field.maxItems) {
    context.issues.invalid(path, `${names.length} entries; at most ${field.maxItems} are allowed`, {
      at: "key",
    });
    return result;
  }
  for (const name of names) {
    const complaint = label.check(name);
    if (complaint)
      context.issues.error([...path, name], `${quote(name)}: ${complaint.message}`, { at: "key" });
    result[name] = readField(field.item, raw[name], [...path, name], context);
  }
  return result;
}

function readStringMap(field: StringMapField, raw: unknown, path: ConfigPath, context: ReadContext): Table {
  const result: Table = Object.create(null) as Table;
  if (!isTable(raw)) {
    wrongKind("a table of strings", field, raw, path, context);
    return result;
  }
  const entries = Object.entries(raw);
  if (entries.length > field.maxItems) {
    context.issues.invalid(path, `${entries.length} entries; at most ${field.maxItems} are allowed`, {
      at: "key",
    });
    return result;
  }
  for (const [key, value] of entries) {
    const inner = [...path, key];
    const complaint = field.keyFormat.check(key);
    if (complaint) context.issues.error(inner, complaint.message, { at: "key", hint: complaint.hint });
    if (typeof value === "string") result[key] = value;
    else context.issues.invalid(inner, `expected a string, found ${describe(value)}`);
  }
  return result;
}

/** ` in [listeners.http]`: the table that a key stands in, as its header is written. */
function inTable(path: ConfigPath): string {
  const table = path.slice(0, -1);
  if (table.length === 0) return "";
  const isElement = typeof table.at(-1) === "number";
  const name = table.filter((step) => typeof step === "string").join(".");
  return isElement ? ` in [[${name}]]` : ` in [${name}]`;
}
