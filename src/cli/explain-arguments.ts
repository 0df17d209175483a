/** The arguments of `explain`, parsed: the request that is asked about, or what is wrong with them. */
import { parseArgs } from "node:util";
import { canonicalIp } from "../base/ip.ts";
import { type AskedRequest, HTTP_NAMES, type HttpName } from "../control/explain/explanation.ts";
import { parseAuthority } from "../wire/http/authority.ts";

export interface ExplainCommand {
  readonly kind: "explain";
  readonly file: string;
  readonly asked: AskedRequest;
  /** Every route that was passed by. */
  readonly showAll: boolean;
  readonly json: boolean;
}

/** An address for documentation (RFC 5737): neither on loopback, where some checks are off, nor anybody's. */
export const DEFAULT_CLIENT = "203.0.113.1";

const OPTIONS = {
  header: { type: "string", short: "H", multiple: true },
  client: { type: "string" },
  listener: { type: "string" },
  http: { type: "string" },
  all: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

/** A text says what is wrong. */
export function parseExplain(args: readonly string[]): ExplainCommand | string {
  const parsed = parse(args);
  if (typeof parsed === "string") return parsed;
  const { values, positionals } = parsed;
  const [file, method, url, ...more] = positionals;
  if (file === undefined || method === undefined || url === undefined) return "explain takes FILE METHOD URL";
  if (more.length > 0) return `unexpected argument "${more[0]}" after the URL`;
  if (!/^\S+$/.test(method)) return `"${method}" is no method`;
  const target = parseUrl(url);
  const fields = parseFields(values.header ?? []);
  const peer = canonicalIp(values.client ?? DEFAULT_CLIENT);
  const http = values.http === undefined ? undefined : parseHttp(values.http);
  if (typeof target === "string") return target;
  if (typeof fields === "string") return fields;
  if (peer === undefined) return `--client takes an IP address, not "${values.client}"`;
  if (http === null) return `--http takes ${HTTP_NAMES.join(", ")}, not "${values.http}"`;
  const asked: AskedRequest = { method, ...target, fields, peer, listener: values.listener, http };
  return { kind: "explain", file, asked, showAll: values.all, json: values.json };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // The first sentence says it; the others are about writing programs.
    return error instanceof Error ? (error.message.split(". ", 1)[0] as string) : String(error);
  }
}

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** Not by `URL`, which changes paths: they are compared as they are sent. */
function parseUrl(
  text: string,
): Pick<AskedRequest, "scheme" | "authority" | "host" | "port" | "target"> | string {
  const [, written = "", authority = "", rest = ""] = /^([A-Za-z]+):\/\/([^/?#]*)([^#]*)/.exec(text) ?? [];
  const scheme = written.toLowerCase();
  if (scheme !== "http" && scheme !== "https") return `"${text}" is no URL with http:// or https://`;
  if (authority.includes("@")) return `the URL names a user: give it as -H 'Authorization: ...'`;
  const parsed = parseAuthority(authority);
  if (parsed === undefined) return `"${authority}" is no host with an optional port`;
  if (/[\0-\x20\x7f]/.test(rest)) return "a URL has no blanks: write %20";
  const host = parsed.host.startsWith("[") ? parsed.host.slice(1, -1) : parsed.host;
  const port = parsed.port ?? DEFAULT_PORTS[scheme];
  return { scheme, authority, host, port, target: rest.startsWith("/") ? rest : `/${rest}` };
}

function parseFields(lines: readonly string[]): readonly (readonly [string, string])[] | string {
  const fields: (readonly [string, string])[] = [];
  for (const line of lines) {
    const [, name, value = ""] = /^([^:\s]+):[ \t]*([^\r\n\0]*)$/.exec(line) ?? [];
    if (name === undefined) return `-H takes 'Name: value', not "${line}"`;
    fields.push([name, value.trimEnd()]);
  }
  return fields;
}

function parseHttp(text: string): HttpName | null {
  return HTTP_NAMES.find((name) => name === text) ?? null;
}
