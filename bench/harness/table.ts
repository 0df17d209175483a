/** Tables of what was measured, in Markdown, for the screen and for RESULTS.md. */
import type { Figure, Measured } from "./rounds.ts";
import { formatSpread, spreadOf } from "./statistics.ts";

export interface TableOptions {
  readonly title: string;
  /** KiB that a request carries, where they are the point: nanoseconds per KiB are shown. */
  readonly bodyKib?: number;
  /** Label of the other commit's rows, as in `@1a2b3c4`: the rows of the work tree are compared with them. */
  readonly compared?: string;
}

/** A proxy that needs more than so many times nginx's CPU is marked. */
export const MARK_OVER = 1.3;

/** What others are compared with: nginx, or Caddy in what nginx of Debian does not speak. */
const REFERENCES: readonly string[] = ["nginx", "Caddy"];

function referenceOf(measured: readonly Measured[]): string {
  const there = REFERENCES.find((name) => measured.some((one) => one.name === name));
  return there ?? (REFERENCES[0] as string);
}

interface Column {
  readonly title: string;
  readonly figure: Figure;
  readonly digits: number;
  readonly spread: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: "CPU µs/request", figure: "cpuMicrosPerRequest", digits: 1, spread: true },
  { title: "requests/s", figure: "requestsPerSecond", digits: 0, spread: true },
  { title: "p50 ms", figure: "p50Ms", digits: 2, spread: false },
  { title: "p99 ms", figure: "p99Ms", digits: 2, spread: false },
  { title: "p99.9 ms", figure: "p999Ms", digits: 2, spread: false },
  { title: "RSS MiB", figure: "rssMib", digits: 0, spread: false },
  { title: "busy CPUs", figure: "busyCpus", digits: 2, spread: false },
];

/** The lines of the table of one scenario. */
export function requestTable(measured: readonly Measured[], options: TableOptions): string[] {
  const { title, bodyKib, compared } = options;
  const reference = referenceOf(measured);
  const titles = [
    title,
    ...COLUMNS.map((column) => column.title),
    ...(bodyKib === undefined ? [] : ["CPU ns/KiB"]),
    `ratio to ${reference}`,
    `over ${MARK_OVER}`,
    ...(compared === undefined ? [] : [`ratio to ${compared}`]),
    "runs",
  ];
  const rows = measured.map((one) => [
    one.name,
    ...COLUMNS.map((column) => cell(one, column)),
    ...(bodyKib === undefined ? [] : [((cpuOf(one) * 1000) / bodyKib).toFixed(0)]),
    formatRatio(ratioTo(one, measured, reference)),
    (ratioTo(one, measured, reference) ?? 0) > MARK_OVER ? "over" : "",
    ...(compared === undefined ? [] : [formatRatio(ratioToCommit(one, measured, compared))]),
    runsOf(one),
  ]);
  const versions = measured.map(({ name, version }) => `${name}: ${version}`).join("; ");
  return [...markdown(titles, rows), "", `Versions: ${versions}.`];
}

/** One line per scenario: CPU µs per request of each proxy, and its ratio to nginx. */
export function overview(
  scenarios: readonly (readonly [title: string, measured: readonly Measured[]])[],
): string[] {
  const names = [...new Set(scenarios.flatMap(([, measured]) => measured.map(({ name }) => name)))];
  const rows = scenarios.map(([title, measured]) => [
    title,
    ...names.map((name) => {
      const one = measured.find((candidate) => candidate.name === name);
      if (one === undefined) return "";
      const reference = referenceOf(measured);
      const ratio = ratioTo(one, measured, reference);
      const mark = (ratio ?? 0) > MARK_OVER ? ", over" : "";
      return name === reference
        ? cpuOf(one).toFixed(1)
        : `${cpuOf(one).toFixed(1)} (${formatRatio(ratio)}${mark})`;
    }),
  ]);
  return markdown(["CPU µs/request (ratio to nginx, or to Caddy without it)", ...names], rows);
}

/** A Markdown table. */
export function markdown(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(titles), `|${titles.map(() => "---|").join("")}`, ...rows.map(line)];
}

function cell({ figures }: Measured, { figure, digits, spread }: Column): string {
  const { median } = figures[figure];
  if (Number.isNaN(median)) return "";
  return spread ? formatSpread(figures[figure], digits) : median.toFixed(digits);
}

function runsOf({ rounds, rejected, noisy, errors }: Measured): string {
  const parts = [noisy ? `${rounds}, all in slow phases` : `${rounds}`];
  if (rejected > 0) parts.push(`${rejected} rejected`);
  if (errors > 0) parts.push(`${errors} errors`);
  return parts.join(", ");
}

function cpuOf({ figures }: Measured): number {
  return figures.cpuMicrosPerRequest.median;
}

function ratioTo(one: Measured, measured: readonly Measured[], name: string): number | undefined {
  const reference = measured.find((candidate) => candidate.name === name);
  return reference === undefined ? undefined : ratioOf(one, reference);
}

/**
 * Runs of one round are neighbours in time, and a machine that shares its cores is slow for seconds: what
 * made both slow is not in the ratio of their round. So the ratio is the median of the rounds' ratios.
 */
function ratioOf(one: Measured, reference: Measured): number {
  const ratios = one.cpuByRound.flatMap((cpu, round) => {
    const other = reference.cpuByRound[round] ?? null;
    return cpu === null || other === null ? [] : [cpu / other];
  });
  return ratios.length === 0 ? cpuOf(one) / cpuOf(reference) : spreadOf(ratios).median;
}

/** To the other commit on the same transport, else to the first row that the commit has. */
function ratioToCommit(one: Measured, measured: readonly Measured[], label: string): number | undefined {
  const [product, transport] = one.name.split(" ");
  if (product !== "ExpressGateway") return undefined;
  const rows = measured.filter(({ name }) => name.split(" ")[0] === `${product}${label}`);
  const reference = rows.find(({ name }) => name.split(" ")[1] === transport) ?? rows[0];
  return reference === undefined ? undefined : ratioOf(one, reference);
}

function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? "" : ratio.toFixed(2);
}
