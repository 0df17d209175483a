/** What is generated from the schema: fresh, whole, and in agreement with the reader. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "smol-toml";
import { configMarkdown } from "../../src/control/config/config-markdown.ts";
import { IssueCollector } from "../../src/control/config/issue.ts";
import { jsonSchema } from "../../src/control/config/json-schema.ts";
import { parseConfig } from "../../src/control/config/parse-config.ts";
import { readField } from "../../src/control/config/read-field.ts";
import { referenceToml } from "../../src/control/config/reference-toml.ts";
import { gatewaySchema } from "../../src/control/config/schema/gateway.ts";
import { findFaults } from "./json-schema-validator.ts";
import { allFields } from "./schema-fields.ts";

const root = new URL("../../", import.meta.url);
const schema = jsonSchema() as Record<string, unknown>;

test("the generated files are those of the schema", () => {
  const stored = (path: string) => readFileSync(new URL(path, root), "utf8");
  assert.equal(stored("docs/CONFIG.md"), configMarkdown(), "docs/CONFIG.md is stale: npm run docs");
  assert.deepEqual(JSON.parse(stored("docs/config.schema.json")), JSON.parse(JSON.stringify(schema)));
  assert.equal(stored("config/expressgateway.toml"), referenceToml(), "config/expressgateway.toml is stale");
});

test("every key has a doc of at least a sentence, and every value an example", () => {
  const tables = ["object", "tables", "record", "variant"];
  for (const { path, field } of allFields()) {
    assert.match(field.doc, /^\S.*[.)`]$/s, path);
    if (!tables.includes(field.kind)) assert.ok(field.example !== undefined, path);
  }
});

test("every key is in the documentation", () => {
  const text = configMarkdown();
  for (const { path, key, field } of allFields()) {
    const isTable = field.kind === "object" || field.kind === "tables" || field.kind === "record";
    const name = path.replaceAll("*", "NAME");
    const headers = [`[${name}]`, `[[${name}]]`, `[${name}.NAME]`].map((header) => ` \`${header}\``);
    const found = isTable ? headers.some((header) => text.includes(header)) : text.includes(`**\`${key}\`**`);
    assert.ok(found, path);
  }
});

test("every example and default of the schema is a value that its key takes", () => {
  for (const { path, key, field } of allFields()) {
    if (field.example === undefined || field.example.includes("${")) continue;
    const issues = new IssueCollector();
    const raw = parse(`x = ${field.example}`, { integersAsBigInt: true })["x"];
    readField(field, raw, [key], { issues, elsewhere: () => undefined });
    const found = issues.locate("x", { find: () => ({ line: 0, column: 0 }) });
    assert.deepEqual(found, [], path);
  }
});

test("the reference file with everything switched on holds only values that the schema takes", () => {
  const on = referenceToml().replaceAll(/^#(?=[^ \n])/gm, "");
  const issues = new IssueCollector();
  readField(gatewaySchema, parse(on, { integersAsBigInt: true }), [], { issues, elsewhere: () => undefined });
  const found = issues.locate("x", { find: () => ({ line: 0, column: 0 }) });
  assert.deepEqual(found, []);
  const shown = new Set(on.split("\n").map((line) => line.split(" = ")[0]));
  const missing = allFields().filter(({ key, field }) => field.example !== undefined && !shown.has(key));
  assert.deepEqual(
    missing.map(({ path }) => path),
    [],
  );
});

test("the JSON Schema takes every file that comes with the gateway", () => {
  const files = readdirSync(new URL("config/examples/", root)).map((name) => `config/examples/${name}`);
  for (const file of ["config/default.toml", "config/demo.toml", ...files]) {
    const document = JSON.parse(JSON.stringify(parse(readFileSync(new URL(file, root), "utf8")))) as unknown;
    assert.deepEqual(findFaults(schema, document), [], file);
  }
});

test("the JSON Schema refuses what the reader refuses", () => {
  const base = '[[listeners]]\naddress = "127.0.0.1:1"\nprotocol = "h1"\nbackends = [{ address = "a:1" }]\n';
  for (const text of [
    "unknown = 1",
    "[runtime]\nworkers = 257",
    "[runtime]\nworkers = '4'",
    "[runtime]\nxdp_new_flow_cap_per_sec_per_cpu = 999",
    "[runtime]\ndrain_timeout_ms = 99",
    "[runtime]\ndrain_timeout_ms = '10 s'",
    "[runtime]\ntransport = 'kqueue'",
    "[runtime.watchdog]\nsweep = 1",
    "[admin]\napi_token_hash = 'abc'",
    "[routers.a]\nservice = 's'",
    "[middlewares.a]\ntype = 'rate-limit'",
    "[middlewares.a]\ntype = 'nope'",
    "[observability.access_log]\nsample = 1.01",
    "[services.a.scaling]\ntarget_utilization = 0.0",
  ]) {
    const document = JSON.parse(JSON.stringify(parse(base + text))) as unknown;
    assert.notDeepEqual(findFaults(schema, document), [], text);
    assert.equal(parseConfig(base + text, { file: "x", env: {} }).config, undefined, text);
  }
});
