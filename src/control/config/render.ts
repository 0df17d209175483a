/**
 * Issues for people: `file:line:column: error: message`, the line with a caret under the place, the hint.
 * What comes from the file is made safe for a terminal and a log.
 */
import type { ConfigIssue } from "./issue.ts";

/** Characters of a source line that are shown, so that one long line does not fill the screen. */
const MAX_SHOWN_CHARS = 120;

/** All issues, one paragraph each, with a final newline; empty when there is none. */
export function renderIssues(issues: readonly ConfigIssue[], text: string, file: string): string {
  const lines = issues.some((issue) => issue.line > 0) ? text.split(/\r\n|\n/) : [];
  return issues.map((issue) => `${renderIssue(issue, lines, file)}\n`).join("");
}

function renderIssue(issue: ConfigIssue, lines: readonly string[], file: string): string {
  const place = issue.line > 0 ? `${file}:${issue.line}:${issue.column}` : file;
  const parts = [`${printable(place)}: ${issue.severity}: ${printable(issue.message)}`];
  const source = issue.line > 0 && !issue.secret ? lines[issue.line - 1] : undefined;
  if (source !== undefined) parts.push(excerpt(source, issue.line, issue.column));
  if (issue.hint !== undefined) parts.push(`  hint: ${printable(issue.hint)}`);
  return parts.join("\n");
}

/** The line with its number, and a caret under the column; a long line is cut around the column. */
function excerpt(source: string, line: number, column: number): string {
  const from = column > MAX_SHOWN_CHARS - 20 ? column - MAX_SHOWN_CHARS / 2 : 0;
  const shown = printable(source.slice(from, from + MAX_SHOWN_CHARS));
  const before = source.slice(from, column - 1);
  const gutter = `${line} | `.padStart(8);
  const pad = before.replaceAll(/[^\t]/g, " ");
  return `${gutter}${shown}\n${" ".repeat(gutter.length - 2)}| ${pad}^`;
}

/** Control characters could drive a terminal: they become `?`, one for one so that columns hold. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "?");
}
