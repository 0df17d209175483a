/**
 * Problems of a configuration file: collected by path while it is read and checked, then given their
 * line and column all at once. Everything is reported together, never only the first.
 */
import type { Locator, Place } from "./locate.ts";

export type ConfigPath = readonly (string | number)[];

/**
 * `syntax`: not TOML. `invalid`: TOML, but not a configuration. `unavailable`: valid, and not served by
 * this version. `suspicious`: works, but hardly as meant.
 */
export type IssueKind = "syntax" | "invalid" | "unavailable" | "suspicious";

export interface ConfigIssue {
  readonly severity: "error" | "warning";
  readonly kind: IssueKind;
  readonly message: string;
  /** As the file was named by who read it. */
  readonly file: string;
  /** `listeners[0].backends[1].address`; empty for the file as a whole. */
  readonly path: string;
  /** From 1; 0 when the place is not known. */
  readonly line: number;
  /** From 1, in UTF-16 code units as editors count; 0 when the place is not known. */
  readonly column: number;
  readonly hint: string | undefined;
  /** The line holds a secret: it is not to be shown. */
  readonly secret: boolean;
}

/** What a reporter may add to a message. */
export interface IssueDetail {
  /** Which part of `key = value` is meant; default: the value. */
  readonly at?: "key" | "value";
  /** Code units into a string value. */
  readonly offset?: number | undefined;
  readonly hint?: string | undefined;
  readonly secret?: boolean;
}

interface PendingIssue extends IssueDetail {
  readonly kind: IssueKind;
  readonly path: ConfigPath;
  readonly message: string;
}

/** More would not be read, and a file of nonsense could fill memory with them. */
const MAX_ISSUES = 200;

const ORDER: Readonly<Record<IssueKind, number>> = { syntax: 0, invalid: 1, unavailable: 2, suspicious: 3 };

export class IssueCollector {
  readonly #pending: PendingIssue[] = [];
  readonly #bad = new Set<string>();
  #omitted = 0;
  #errors = 0;

  /** An error that makes the value at `path` unusable; later reports at or under it are dropped. */
  invalid(path: ConfigPath, message: string, detail: IssueDetail = {}): void {
    if (this.isBad(path)) return;
    this.#add({ ...detail, kind: "invalid", path, message });
    this.#bad.add(formatPath(path));
  }

  /** An error beside a usable value, such as an unknown key or a broken relation between two keys. */
  error(path: ConfigPath, message: string, detail: IssueDetail = {}): void {
    if (!this.isBad(path)) this.#add({ ...detail, kind: "invalid", path, message });
  }

  /** Valid, and refused because this version does not serve it. */
  unavailable(path: ConfigPath, what: string, detail: IssueDetail = {}): void {
    const message = `${what} is not available in this version`;
    if (!this.isBad(path)) this.#add({ ...detail, kind: "unavailable", path, message });
  }

  warn(path: ConfigPath, message: string, detail: IssueDetail = {}): void {
    if (!this.isBad(path)) this.#add({ ...detail, kind: "suspicious", path, message });
  }

  /** Takes the value at `path` as unusable without a report of its own. */
  markBad(path: ConfigPath): void {
    this.#bad.add(formatPath(path));
  }

  /** The value at `path`, or a table that holds it, was found unusable. */
  isBad(path: ConfigPath): boolean {
    if (this.#bad.size === 0) return false;
    for (let length = path.length; length > 0; length--) {
      if (this.#bad.has(formatPath(path.slice(0, length)))) return true;
    }
    return false;
  }

  /** More is only counted: what a report costs to make can be saved. */
  get isFull(): boolean {
    return this.#pending.length >= MAX_ISSUES;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  /** All issues with their places: errors first, then what is not available, then warnings. */
  locate(file: string, locator: Locator): ConfigIssue[] {
    const sorted = this.#pending
      .map((issue) => toIssue(issue, file, locator.find(issue.path, issue)))
      .sort(compare);
    if (this.#omitted > 0) {
      const count = this.#omitted === 1 ? "1 more problem is" : `${this.#omitted} more problems are`;
      sorted.push(fileIssue(file, `${count} not shown`));
    }
    return sorted;
  }

  #add(issue: PendingIssue): void {
    if (issue.kind !== "suspicious") this.#errors++;
    if (this.isFull) this.#omitted++;
    else this.#pending.push(issue);
  }
}

function toIssue(issue: PendingIssue, file: string, place: Place): ConfigIssue {
  return {
    severity: issue.kind === "suspicious" ? "warning" : "error",
    kind: issue.kind,
    message: issue.message,
    file,
    path: formatPath(issue.path),
    line: place.line,
    column: place.column,
    hint: issue.hint,
    secret: issue.secret ?? false,
  };
}

/** An error of the file as a whole. */
export function fileIssue(file: string, message: string): ConfigIssue {
  const nowhere = { path: "", line: 0, column: 0, hint: undefined, secret: false };
  return { severity: "error", kind: "invalid", message, file, ...nowhere };
}

function compare(a: ConfigIssue, b: ConfigIssue): number {
  return ORDER[a.kind] - ORDER[b.kind] || a.line - b.line || a.column - b.column;
}

/** `services."a b".backends[0]`, as one would write the key in TOML. */
export function formatPath(path: ConfigPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += `${text === "" ? "" : "."}${/^[A-Za-z0-9_-]+$/.test(step) ? step : JSON.stringify(step)}`;
  }
  return text;
}
