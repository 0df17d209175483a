/**
 * Where a configuration comes from: a file, TOML text, or a value that is parsed already. `createGateway`
 * and reloads read it here, and everything wrong with it is one error.
 */
import type { Environment } from "../base/environment.ts";
import type { GatewayConfig } from "./config/gateway-config.ts";
import type { ConfigIssue } from "./config/issue.ts";
import { loadConfigFile } from "./config/load-config.ts";
import { parseConfig } from "./config/parse-config.ts";
import { renderIssues } from "./config/render.ts";

/** Path of a TOML file, TOML text, or a configuration from `parseConfig`. */
export type ConfigSource = string | { readonly toml: string } | GatewayConfig;

export interface ReadConfig {
  readonly config: GatewayConfig;
  readonly warnings: readonly ConfigIssue[];
  /** The warnings for people, with their lines. */
  readonly renderedWarnings: string;
}

/** The configuration cannot be used. `message` tells everything, with places, for people. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly ConfigIssue[], rendered: string) {
    super(rendered.trimEnd());
    this.issues = issues;
  }
}

/** Rejects with `ConfigError`. */
export async function readConfig(source: ConfigSource, environment: Environment): Promise<ReadConfig> {
  if (typeof source === "object" && !("toml" in source)) {
    return { config: source, warnings: [], renderedWarnings: "" };
  }
  const { file, text, config, issues } = await load(source, environment);
  const rendered = renderIssues(issues, text, file);
  if (config === undefined) throw new ConfigError(issues, rendered);
  return { config, warnings: issues, renderedWarnings: rendered };
}

/** Stands for the file's name where there is no file. */
const INLINE = "(inline)";

async function load(source: string | { readonly toml: string }, environment: Environment) {
  if (typeof source === "string") return await loadConfigFile(source, environment);
  const options = { file: INLINE, env: environment };
  return { file: INLINE, text: source.toml, ...parseConfig(source.toml, options) };
}
