/**
 * From the text of a configuration file to a `GatewayConfig`, or to everything that is wrong with it.
 * Called at start, at reload and by `check`; what comes out is compiled to the plan. Nothing is bound
 * or resolved here; of the machine only what it can run is asked, and certificates are read.
 */
import { availableParallelism } from "node:os";
import { parse, TomlError } from "smol-toml";
import type { Environment } from "../../base/environment.ts";
import type { TransportProbe } from "../../fastpath/choose-transport.ts";
import { probeTransport } from "../../fastpath/open-transport.ts";
import type { CertificateSources } from "../certificates/load-certificates.ts";
import { CheckContext } from "./check/check-context.ts";
import { checkCertificates } from "./check/check-certificates.ts";
import { checkConfig } from "./check/check-config.ts";
import { checkShadows } from "./check/check-shadows.ts";
import { checkTransport } from "./check/check-transport.ts";
import type { Field } from "./field.ts";
import type { GatewayConfig, ParsedConfig } from "./gateway-config.ts";
import { interpolateTree } from "./interpolate.ts";
import { type ConfigIssue, IssueCollector } from "./issue.ts";
import { createLocator } from "./locate.ts";
import { readField } from "./read-field.ts";
import { resolveDefaults } from "./resolve.ts";
import { gatewaySchema } from "./schema/gateway.ts";
import { refuseUnavailable } from "./unavailable.ts";

export interface ParseOptions {
  /** The file's name, for messages. */
  readonly file: string;
  /** Where `${VAR}` is looked up. */
  readonly env: Environment;
  /** CPUs of the machine, the default of `[runtime].workers`; default: what this process may use. */
  readonly cpus?: number;
  /** Whether a transport can run; default: on this machine. */
  readonly probe?: TransportProbe;
  /** How certificates are read, and what time they are checked for; default: from disk, now. */
  readonly certificates?: Partial<CertificateSources>;
}

export interface ParseResult {
  /** Absent when there is an error. */
  readonly config?: GatewayConfig;
  /** Errors, then what is not available, then warnings, each by place. */
  readonly issues: readonly ConfigIssue[];
}

/** Nesting of inline tables and arrays; the schema needs 5. */
const MAX_TOML_DEPTH = 32;

export function parseConfig(text: string, options: ParseOptions): ParseResult {
  const document = parseToml(text);
  if (document instanceof TomlError) return { issues: [syntaxIssue(document, options.file)] };
  const issues = new IssueCollector();
  const raw = interpolateTree(document, options.env, issues);
  const parsed = readField(gatewaySchema, raw, [], { issues, elsewhere }) as ParsedConfig;
  const config = resolveDefaults(parsed, { cpus: options.cpus ?? availableParallelism() });
  const context = new CheckContext(config, raw, issues);
  checkConfig(context);
  checkTransport(context, options.probe ?? probeTransport);
  checkCertificates(context, options.certificates ?? {});
  refuseUnavailable(context);
  checkShadows(context);
  const located = issues.isEmpty ? [] : issues.locate(options.file, createLocator(text));
  return issues.hasErrors ? { issues: located } : { config: deepFreeze(config), issues: located };
}

function parseToml(text: string): unknown {
  try {
    return parse(text, { integersAsBigInt: true, maxDepth: MAX_TOML_DEPTH });
  } catch (error) {
    if (error instanceof TomlError) return error;
    throw error;
  }
}

function syntaxIssue(error: TomlError, file: string): ConfigIssue {
  const firstLine = error.message.split("\n", 1)[0] ?? "";
  return {
    severity: "error",
    kind: "syntax",
    message: firstLine.replace(/^Invalid TOML document: /, "not valid TOML: "),
    file,
    path: "",
    line: error.line,
    column: error.column,
    hint: undefined,
    secret: false,
  };
}

/** The first table of the schema, in its order, that knows a key: `[listeners.http]`. */
function elsewhere(key: string): string | undefined {
  return findKey(gatewaySchema, key, "");
}

function findKey(field: Field, key: string, name: string): string | undefined {
  switch (field.kind) {
    case "object": {
      if (name !== "" && Object.hasOwn(field.fields, key)) return name;
      for (const [inner, child] of Object.entries(field.fields)) {
        const found = findKey(child, key, headerOf(name, inner, child));
        if (found !== undefined) return found;
      }
      return undefined;
    }
    case "tables":
    case "record":
      return findKey(field.item, key, name);
    case "string":
    case "integer":
    case "number":
    case "duration":
    case "boolean":
    case "enum":
    case "strings":
    case "stringMap":
    case "variant":
      return undefined;
  }
}

/** The header of a table inside another: `[a]`, `[[a]]` or `[a.NAME]`. */
function headerOf(outer: string, key: string, field: Field): string {
  const base = outer.replaceAll(/[[\]]/g, "");
  const path = base === "" ? key : `${base}.${key}`;
  if (field.kind === "tables") return `[[${path}]]`;
  return field.kind === "record" ? `[${path}.NAME]` : `[${path}]`;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}
