/**
 * `config/expressgateway.toml`: every key with its doc and its default, commented out, around the few that
 * a gateway needs. Lines that begin with `# ` are text; `#` before a key or a header is what to remove.
 */
import { defaultText, defaultValue, type Section, sectionOf, typeText } from "./describe-field.ts";
import type { Field } from "./field.ts";
import { gatewaySchema } from "./schema/gateway.ts";

const INTRODUCTION = [
  "# ExpressGateway: every key with its default.",
  "#",
  "# Generated from src/control/config/schema by scripts/generate-docs.ts: change the schema, then run it.",
  '# Lines that begin with "# " are text. Remove the "#" before a header or a key to set it. Keys without a',
  "# default show an example. Not every block fits every listener: docs/CONFIG.md says more.",
  "#",
  "# Boot: expressgateway config/expressgateway.toml",
];

/** The keys that are not commented out, so that the file starts as it is. */
const ACTIVE: Readonly<Record<string, readonly string[]>> = {
  "[[listeners]]": ["address", "protocol"],
  "[[listeners.backends]]": ["address"],
};

const ACTIVE_VALUES: Readonly<Record<string, string>> = {
  "[[listeners.backends]].address": '"127.0.0.1:3000"',
};

/** Columns of the text. */
const WIDTH = 108;

export function referenceToml(): string {
  const root = sectionOf(gatewaySchema, "");
  const lines = [...INTRODUCTION];
  for (const section of root.sections) lines.push("", ...renderSection(section));
  return `${lines.join("\n")}\n`;
}

function renderSection(section: Section): string[] {
  const active = ACTIVE[section.header] ?? [];
  const header = section.header.replace("NAME", section.tag?.value ?? "example");
  const lines: string[] = [];
  const hasHeader = section.keys.length > 0 || section.tag !== undefined;
  lines.push(...wrap(plain(section.doc)));
  if (hasHeader) lines.push(active.length > 0 ? header : `#${header}`);
  if (section.tag) lines.push(`#${section.tag.name} = ${JSON.stringify(section.tag.value)}`);
  for (const [key, field] of section.keys) lines.push(...renderKey(section.header, key, field));
  for (const inner of section.sections) lines.push("", ...renderSection(inner));
  return lines;
}

function renderKey(header: string, key: string, field: Field): string[] {
  const lines = wrap(plain(`${field.doc} (${typeText(field)}; ${defaultText(key, field)})`));
  if (field.note !== undefined) lines.push(...wrap(plain(`Caution: ${field.note}`)));
  const isActive = (ACTIVE[header] ?? []).includes(key);
  const value = ACTIVE_VALUES[`${header}.${key}`] ?? defaultValue(key, field) ?? field.example ?? '""';
  lines.push(`${isActive ? "" : "#"}${key} = ${value}`);
  return lines;
}

/** Without the marks of Markdown. */
function plain(text: string): string {
  return text.replaceAll('`"', '"').replaceAll('"`', '"').replaceAll("`", "'");
}

/** Comment lines of at most `WIDTH` columns. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = "#";
  for (const word of text.split(" ")) {
    if (line.length + 1 + word.length > WIDTH && line !== "#") {
      lines.push(line);
      line = "#";
    }
    line += ` ${word}`;
  }
  lines.push(line);
  return lines;
}
