/** The command line, parsed: a command, or what is wrong with it. Feature rows A1.1, A1.3, A1.6. */
import { closest } from "../base/closest.ts";
import { type ExplainCommand, parseExplain } from "./explain-arguments.ts";

export type Command =
  | { readonly kind: "run"; readonly file: string | undefined }
  | { readonly kind: "check"; readonly file: string | undefined }
  | ExplainCommand
  | { readonly kind: "schema" }
  | { readonly kind: "demo" }
  | { readonly kind: "version" }
  | { readonly kind: "help" }
  | { readonly kind: "usage"; readonly message: string };

const PLAIN_COMMANDS = ["check", "schema", "demo"] as const;
type PlainCommand = (typeof PLAIN_COMMANDS)[number];
/** The one with options of its own. */
const EXPLAIN = "explain";
const OPTIONS = ["--version", "--help"];

export function parseArguments(args: readonly string[]): Command {
  const [first, ...rest] = args;
  if (first === undefined) return { kind: "run", file: undefined };
  if (first === "--help" || first === "-h" || first === "help") return { kind: "help" };
  if (first === "--version" || first === "-V" || first === "version") return { kind: "version" };
  if (first.startsWith("-")) return unknownOption(first);
  const option = rest.find((arg) => arg.startsWith("-"));
  const help = first === EXPLAIN ? rest.find(isHelp) : option;
  if (help !== undefined && isHelp(help)) return { kind: "help" };
  if (first === EXPLAIN) return explainCommand(rest);
  if (option !== undefined) return unknownOption(option);
  if (isPlainCommand(first)) return commandOf(first, rest);
  if (rest.length > 0) return usage(`unexpected argument "${rest[0]}" after the file "${first}"`);
  return misspelt(first) ?? { kind: "run", file: first };
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h";
}

function isPlainCommand(word: string): word is PlainCommand {
  return (PLAIN_COMMANDS as readonly string[]).includes(word);
}

function explainCommand(rest: readonly string[]): Command {
  const parsed = parseExplain(rest);
  return typeof parsed === "string" ? usage(parsed) : parsed;
}

function commandOf(command: PlainCommand, rest: readonly string[]): Command {
  switch (command) {
    case "check":
      if (rest.length > 1) return usage(`check takes one file, not ${rest.length}`);
      return { kind: "check", file: rest[0] };
    case "schema":
    case "demo":
      if (rest.length > 0) return usage(`${command} takes no arguments`);
      return { kind: command };
  }
}

/** A bare word that is nearly a command was hardly meant as a file. */
function misspelt(word: string): Command | null {
  if (/[./]/.test(word)) return null;
  if (word === "validate") return usage('there is no command "validate": did you mean "check"?');
  if (word === "run" || word === "start") return usage(`there is no command "${word}": write only the file`);
  const near = closest(word, [...PLAIN_COMMANDS, EXPLAIN]);
  return near === undefined ? null : usage(`there is no command "${word}": did you mean "${near}"?`);
}

function unknownOption(option: string): Command {
  const name = option.split("=", 1)[0] ?? option;
  if (name === "--config" || name === "-c" || name === "-f" || name === "--file") {
    return usage(`there is no option ${name}: the path is positional, as in "expressgateway /etc/lb.toml"`);
  }
  const near = closest(name, OPTIONS);
  return usage(`unknown option ${name}${near === undefined ? "" : `: did you mean ${near}?`}`);
}

function usage(message: string): Command {
  return { kind: "usage", message };
}
