/** The command line of the bench. */
import { parseArgs } from "node:util";

export interface BenchOptions {
  readonly protocol: string;
  readonly scenario: string;
  readonly seconds: number;
  readonly rounds: number;
  /** Names of proxies in lower case; empty: all. */
  readonly only: readonly string[];
}

export const USAGE = `npm run bench -- h1 [--scenario keep-alive|close|idle] [--seconds N] [--rounds N] [--only nginx,haproxy,expressgateway]`;

export function readOptions(argv: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      scenario: { type: "string", default: "keep-alive" },
      seconds: { type: "string", default: "5" },
      rounds: { type: "string", default: "5" },
      only: { type: "string", default: "" },
    },
  });
  return {
    protocol: positionals[0] ?? "h1",
    scenario: values.scenario,
    seconds: atLeastOne("seconds", values.seconds),
    rounds: atLeastOne("rounds", values.rounds),
    only: values.only
      .toLowerCase()
      .split(",")
      .filter((name) => name !== ""),
  };
}

function atLeastOne(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number from 1: ${text}`);
  return value;
}
