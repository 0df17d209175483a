/** What every check of relations between keys gets: the resolved configuration, and where to report. */
import type { GatewayConfig } from "../gateway-config.ts";
import type { ConfigPath, IssueCollector } from "../issue.ts";
import { isTable } from "../toml-value.ts";

export class CheckContext {
  readonly config: GatewayConfig;
  readonly issues: IssueCollector;
  readonly #raw: unknown;

  /** `raw` is the file's own tree, for the question whether a key was written at all. */
  constructor(config: GatewayConfig, raw: unknown, issues: IssueCollector) {
    this.config = config;
    this.issues = issues;
    this.#raw = raw;
  }

  /** Whether the file itself has this key. */
  given(path: ConfigPath): boolean {
    return this.written(path) !== undefined;
  }

  /** The value as the file has it, with the environment expanded; `undefined` when it is not there. */
  written(path: ConfigPath): unknown {
    let value: unknown = this.#raw;
    for (const step of path) {
      if (typeof step === "number") value = Array.isArray(value) ? (value[step] as unknown) : undefined;
      else value = isTable(value) && Object.hasOwn(value, step) ? value[step] : undefined;
    }
    return value;
  }
}
