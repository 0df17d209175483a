/**
 * Problems of a configuration in the log, one line each, with the place in the file. Called at start
 * and by reloads; `check`, and a failed start at a terminal, show them with the lines of the file instead.
 */
import type { Log } from "../base/log.ts";
import type { ConfigIssue } from "./config/issue.ts";

export function logIssues(issues: readonly ConfigIssue[], log: Log): void {
  for (const issue of issues) {
    const fields = fieldsOf(issue);
    if (issue.severity === "error") log.error(fields, issue.message);
    else log.warn(fields, issue.message);
  }
}

function fieldsOf({ file, line, column, path, hint }: ConfigIssue): object {
  return {
    place: line > 0 ? `${file}:${line}:${column}` : file,
    ...(path === "" ? {} : { key: path }),
    ...(hint === undefined ? {} : { hint }),
  };
}
