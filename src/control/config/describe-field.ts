/** A key in words and in TOML, for the documentation, the reference file and the editor's schema. */
import { bareUnit, formatDuration } from "./duration.ts";
import type { Field, ObjectField, VariantField } from "./field.ts";
import { rangeText } from "./read-scalar.ts";

/** A table of the schema under the header that it has in a file. */
export interface Section {
  /** `[listeners.http]`, `[[listeners.backends]]`, `[routers.NAME]`; empty for the file itself. */
  readonly header: string;
  readonly doc: string;
  /** Keys with values; `type` of a variant comes first. */
  readonly keys: readonly (readonly [string, Field])[];
  readonly tag: { readonly name: string; readonly value: string } | undefined;
  readonly sections: readonly Section[];
}

/** The sections of a table, in the order of the schema. */
export function sectionOf(field: ObjectField, header: string, doc = field.doc): Section {
  const entries = Object.entries(field.fields);
  return {
    header,
    doc,
    keys: entries.filter(([, inner]) => !isTableField(inner)),
    tag: undefined,
    sections: entries
      .filter(([, inner]) => isTableField(inner))
      .flatMap(([key, inner]) => inside(key, inner, header)),
  };
}

function isTableField(field: Field): boolean {
  return field.kind === "object" || field.kind === "tables" || field.kind === "record";
}

function inside(key: string, field: Field, outer: string): Section[] {
  const base = outer.replaceAll(/[[\]]/g, "");
  const path = base === "" ? key : `${base}.${key}`;
  if (field.kind === "object") return [sectionOf(field, `[${path}]`)];
  if (field.kind === "tables") return [sectionOf(field.item, `[[${path}]]`, field.doc)];
  if (field.kind !== "record") return [];
  if (field.item.kind === "object") return [sectionOf(field.item, `[${path}.NAME]`, field.doc)];
  const variants = variantSections(field.item, path);
  return [{ header: `[${path}.NAME]`, doc: field.doc, keys: [], tag: undefined, sections: variants }];
}

function variantSections(field: VariantField, path: string): Section[] {
  return Object.entries(field.variants).map(([value, variant]) => ({
    ...sectionOf(variant, `[${path}.NAME]`),
    tag: { name: field.tag, value },
  }));
}

/** `integer, 1 to 65535`; `duration, 100 to 60000 ms`; `"a" or "b"`. */
export function typeText(field: Field): string {
  switch (field.kind) {
    case "string":
      return field.format.name === "string" ? "string" : `string, ${field.format.name}`;
    case "integer":
    case "number":
    case "duration":
      return `${field.kind}, ${rangeText(field)}`;
    case "boolean":
      return "boolean";
    case "enum":
      return `one of ${field.values.map((value) => `\`"${value}"\``).join(", ")}`;
    case "strings":
      return listText(field.format.name, field.minItems);
    case "stringMap":
      return "table of strings";
    case "object":
    case "variant":
      return "table";
    case "tables":
      return "array of tables";
    case "record":
      return "tables by name";
  }
}

function listText(format: string, minItems: number): string {
  const what = format === "string" ? "array of strings" : `array of strings, each a ${format}`;
  return minItems === 0 ? what : `${what}, at least ${minItems}`;
}

/** `required`, `default ...` or `no default`. */
export function defaultText(key: string, field: Field): string {
  if (field.presence === "required") return "required";
  if (field.defaultText !== undefined) return `default: ${field.defaultText}`;
  const value = defaultValue(key, field);
  if (value === undefined) return "no default";
  const span = field.kind === "duration" && !value.startsWith('"') ? spanText(field.default, field.unit) : "";
  return `default \`${value}\`${span}`;
}

function spanText(value: number | undefined, unit: "ms" | "s"): string {
  const text = formatDuration(value ?? 0, unit);
  return text === `${value}${unit}` || text === "0ms" ? "" : ` (${text})`;
}

/** The default as it would be written in TOML. */
export function defaultValue(key: string, field: Field): string | undefined {
  if (field.kind === "stringMap") return "{}";
  return "default" in field && field.default !== undefined ? tomlValue(key, field, field.default) : undefined;
}

function tomlValue(key: string, field: Field, value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => JSON.stringify(item)).join(", ")}]`;
  if (field.kind === "duration" && field.unit !== bareUnit(key)) {
    return JSON.stringify(formatDuration(Number(value), field.unit));
  }
  if (field.kind === "number" && Number.isInteger(value)) return `${String(value)}.0`;
  return JSON.stringify(value);
}
