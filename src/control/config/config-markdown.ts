/** `docs/CONFIG.md` from the schema. */
import { defaultText, type Section, sectionOf, typeText } from "./describe-field.ts";
import type { Field } from "./field.ts";
import { gatewaySchema } from "./schema/gateway.ts";
import { describeUnavailable } from "./unavailable.ts";

const INTRODUCTION = `# Configuration

<!-- Generated from src/control/config/schema by scripts/generate-docs.ts: change the schema, then run it. -->

ExpressGateway reads one TOML file: \`expressgateway FILE\`. \`expressgateway check FILE\` says whether it is
right without starting anything. A file with an error starts nothing, and a reload with an error changes nothing.

- \`config/expressgateway.toml\` has every key with its default, commented out.
- \`config/examples/\` has a file for each way of use.
- \`docs/config.schema.json\` (or \`expressgateway schema\`) is the JSON Schema for editors. With Even Better TOML or
  taplo, put \`#:schema /path/to/config.schema.json\` in the first line of the file.

## How it is read

- **Strict.** An unknown key, a value of another type or out of its range is an error with file, line and column.
  All errors are reported at once.
- **Environment.** Every string may hold \`\${VAR}\`, or \`\${VAR:-text}\` with a text for when VAR is unset or empty.
  A variable that is not set is an error. A literal \`\${\` is written \`$\${\`.
- **Durations** are \`"500ms"\`, \`"10s"\`, \`"5m"\`, \`"1h"\`, or a whole number in the unit that the key's name ends
  with: \`_ms\` milliseconds, \`_seconds\` and \`_secs\` seconds. A key without such an ending counts in seconds.
- **Names** of listeners, routers, services and middlewares have 1 to 64 letters, digits, \`_\`, \`-\` or \`.\`.
- **Paths** of files are taken from the folder in which the gateway was started, unless they begin with \`/\`.
`;

export function configMarkdown(): string {
  const root = sectionOf(gatewaySchema, "");
  const parts = [INTRODUCTION, unavailable(), cautions(root)];
  for (const section of root.sections) parts.push(renderSection(section, 2));
  return `${parts.map((part) => part.trim()).join("\n\n")}\n`;
}

function unavailable(): string {
  const items = describeUnavailable().map((item) => `- ${item}`);
  return [
    "## Not available in this version",
    "",
    "These are checked in full and then refused, by `check` and at start; they are never accepted and ignored:",
    "",
    ...items,
  ].join("\n");
}

/** Every key with a danger in one table. */
function cautions(root: Section): string {
  const rows = root.sections.flatMap(cautionRows);
  return [
    "## Values with a danger",
    "",
    "Some values switch a defence off. They are allowed, and this is what they cost:",
    "",
    "| Key | What it costs |",
    "| --- | --- |",
    ...rows,
  ].join("\n");
}

function cautionRows(section: Section): string[] {
  const own = section.keys
    .filter(([, field]) => field.note !== undefined)
    .map(([key, field]) => `| \`${section.header}.${key}\` | ${field.note ?? ""} |`);
  return [...own, ...section.sections.flatMap(cautionRows)];
}

function renderSection(section: Section, level: number): string {
  const title = section.tag === undefined ? `\`${section.header}\`` : `\`${section.tag.value}\``;
  const lines = [`${"#".repeat(Math.min(level, 6))} ${title}`, "", section.doc];
  if (section.keys.length > 0) lines.push("", ...section.keys.map(([key, field]) => renderKey(key, field)));
  for (const inner of section.sections) lines.push("", renderSection(inner, level + 1));
  return lines.join("\n");
}

function renderKey(key: string, field: Field): string {
  const aliases = field.aliases === undefined ? "" : ` Also written \`${field.aliases.join("`, `")}\`.`;
  const note = field.note === undefined ? "" : ` **Caution:** ${field.note}`;
  const example = field.example === undefined ? "" : ` Example: \`${key} = ${field.example}\``;
  return `- **\`${key}\`** (${typeText(field)}; ${defaultText(key, field)}). ${field.doc}${aliases}${note}${example}`;
}
