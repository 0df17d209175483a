/**
 * The environment in string values: `${VAR}` is the value of VAR, `${VAR:-text}` is `text` when VAR is
 * unset or empty, `$${` is a literal `${`. Runs over the whole file before the schema reads it, so that
 * every string of every block has it. Feature row A1.11.
 */
import type { Environment } from "../../base/environment.ts";
import type { ConfigPath, IssueCollector } from "./issue.ts";
import { quote } from "./quote.ts";

/** Tables in tables in tables: the schema needs 5, and each level is a call here. */
const MAX_DEPTH = 32;

/** The same tree with every string expanded. Reports what cannot be, and leaves it as it stands. */
export function interpolateTree(root: unknown, env: Environment, issues: IssueCollector): unknown {
  return visit(root, [], { env, issues });
}

interface Context {
  readonly env: Environment;
  readonly issues: IssueCollector;
}

function visit(value: unknown, path: ConfigPath, context: Context): unknown {
  if (typeof value === "string") return expand(value, path, context);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (path.length >= MAX_DEPTH) {
    context.issues.invalid(path, `tables and arrays are nested more than ${MAX_DEPTH} deep`, { at: "key" });
    return undefined;
  }
  if (Array.isArray(value))
    return value.map((item: unknown, index) => visit(item, [...path, index], context));
  const copy: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of Object.entries(value)) copy[key] = visit(item, [...path, key], context);
  return copy;
}

function expand(text: string, path: ConfigPath, context: Context): string {
  if (!text.includes("${")) return text;
  const result = interpolate(text, context.env);
  if (typeof result === "string") return result;
  context.issues.invalid(path, result.message, result);
  return text;
}

export interface InterpolationError {
  readonly message: string;
  readonly offset: number;
  readonly hint: string;
}

/** Expands one string. */
export function interpolate(text: string, env: Environment): string | InterpolationError {
  let result = "";
  let position = 0;
  for (;;) {
    const start = text.indexOf("${", position);
    if (start === -1) return result + text.slice(position);
    if (text[start - 1] === "$" && start > position) {
      result += `${text.slice(position, start - 1)}\${`;
      position = start + 2;
      continue;
    }
    const end = text.indexOf("}", start);
    if (end === -1) return failure("${ is not closed", start, "write } after the name; a literal ${ is $${");
    const value = lookUp(text.slice(start + 2, end), start, env);
    if (typeof value !== "string") return value;
    result += text.slice(position, start) + value;
    position = end + 1;
  }
}

function lookUp(reference: string, offset: number, env: Environment): string | InterpolationError {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(reference);
  if (!match) {
    const hint = "a reference is ${NAME} or ${NAME:-default}; a literal ${ is $${";
    return failure(`${quote(`\${${reference}}`)} is not a reference to a variable`, offset, hint);
  }
  const name = match[1] ?? "";
  const fallback = match[2];
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (fallback !== undefined) return value === undefined || value === "" ? fallback : value;
  if (value !== undefined) return value;
  const hint = `set it, or give a default: "\${${name}:-...}"`;
  return failure(`environment variable ${name} is not set`, offset, hint);
}

function failure(message: string, offset: number, hint: string): InterpolationError {
  return { message, offset, hint };
}
