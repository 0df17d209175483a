/** The command line of the bench. */
import { parseArgs } from "node:util";

export interface BenchOptions {
  /** `h1`, `h2`, `h3`, `soak`, or `router`. */
  readonly command: string;
  /** Names of scenarios; `all` and `list` are words of their own. Undefined: the protocol's first one. */
  readonly scenarios: readonly string[] | undefined;
  /** Of one run; of the whole soak. */
  readonly seconds: number;
  readonly rounds: number;
  /** Names of proxies in lower case; undefined: the usual ones. */
  readonly only: readonly string[] | undefined;
  readonly transports: readonly string[];
  /** Another commit to compare the work tree with. */
  readonly compare: string | undefined;
  /** Connections of the scenarios that hold idle ones, instead of their own number. */
  readonly connections: number | undefined;
  /** Prove that everything runs; measure nothing. */
  readonly smoke: boolean;
}

export const TRANSPORTS = ["auto", "net", "epoll", "io_uring"];
export const PROXIES = ["nginx", "nginx-defaults", "haproxy", "caddy", "expressgateway"];

export const USAGE = `npm run bench -- h1|h2|h3 [options]
npm run bench -- soak [--seconds N] [--transport NAME]
npm run bench -- router [--rounds N]    the choice of the route, by itself

--scenario NAME,...|all|list   default: the first
--transport NAME,...           ${TRANSPORTS.join(", ")}: each is a row; default auto
--only NAME,...                ${PROXIES.join(", ")}; default all but nginx-defaults
--compare REV                  rows for another commit, built in a folder of its own
--rounds N                     default 5
--seconds N                    of a run, default 3; of the soak, default 600
--connections N                of idle, beside-idle
--smoke                        run everything once and briefly, all proxies at a time, and keep no figures`;

const RUN_SECONDS = 3;
const SOAK_SECONDS = 600;

/** Throws with what is wrong. Lists may be given with commas, in several options, or both. */
export function readOptions(argv: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      scenario: { type: "string", multiple: true },
      transport: { type: "string", multiple: true },
      only: { type: "string", multiple: true },
      seconds: { type: "string" },
      rounds: { type: "string" },
      connections: { type: "string" },
      compare: { type: "string" },
      smoke: { type: "boolean", default: false },
    },
  });
  const command = positionals[0] ?? "h1";
  const usual = command === "soak" ? SOAK_SECONDS : RUN_SECONDS;
  return {
    command,
    scenarios: names(values.scenario),
    seconds: atLeastOne("seconds", values.seconds) ?? usual,
    rounds: atLeastOne("rounds", values.rounds) ?? 5,
    only: known("only", names(values.only), PROXIES),
    transports: known("transport", names(values.transport), TRANSPORTS) ?? ["auto"],
    compare: values.compare,
    connections: atLeastOne("connections", values.connections),
    smoke: values.smoke,
  };
}

/** The names in lower case, each once; undefined when there is none. */
function names(given: readonly string[] | undefined): readonly string[] | undefined {
  const list = (given ?? []).flatMap((text) => text.toLowerCase().split(",")).filter((name) => name !== "");
  return list.length === 0 ? undefined : [...new Set(list)];
}

function known(
  option: string,
  list: readonly string[] | undefined,
  words: readonly string[],
): readonly string[] | undefined {
  const wrong = list?.find((name) => !words.includes(name));
  if (wrong !== undefined) throw new Error(`--${option} knows ${words.join(", ")}, not ${wrong}`);
  return list;
}

function atLeastOne(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`--${option} must be a whole number from 1: ${text}`);
  }
  return value;
}
