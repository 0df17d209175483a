/**
 * docs/METRICS.md, written from the families themselves so that it cannot say anything else; the
 * documentation script writes it, a test compares it.
 */
import { DURATION_BUCKETS_S } from "../../proxy/plan.ts";
import { CONTROL_FAMILIES } from "./control-families.ts";
import { DRAIN_FAMILIES, DRAIN_SECONDS_BUCKETS } from "./drain-families.ts";
import type { Family } from "./family.ts";
import { GLOBAL_FAMILIES } from "./global-families.ts";
import { PROCESS_FAMILIES } from "./process-families.ts";
import { SLOT_FAMILIES } from "./slot-families.ts";

interface Section {
  readonly title: string;
  readonly text: string;
  readonly families: readonly Family[];
}

const SECTIONS: readonly Section[] = [
  {
    title: "Requests, listeners and backends",
    text: `\`listener\` is the listener's name, \`route\` the route's (empty for requests that matched none), \`service\` the
service's, \`backend\` the backend's address as configured: one address can stand in several services, and each
counts for itself. Request and fault series, and those of accept errors, appear with their first event; gauges and
\`accept_shed_total\` are there from the start. \`http_request_duration_seconds\` is per request and ends when the last
byte of the response was handed to the transport.`,
    families: Object.values(SLOT_FAMILIES),
  },
  {
    title: "All workers together",
    text: "One series each, over all listeners and services.",
    families: GLOBAL_FAMILIES,
  },
  {
    title: "Control plane",
    text: "Counted by the main process.",
    families: [...CONTROL_FAMILIES, ...DRAIN_FAMILIES],
  },
  {
    title: "Processes",
    text: `\`worker\` is the worker's number, from 0; it stays when the process behind it is replaced, and the counters of
requests go on. Usage is read from /proc when scraped. With \`workers = 0\` the main process is worker 0, and its
usage is told once, as \`process_*\`.`,
    families: PROCESS_FAMILIES,
  },
];

/** The whole document. */
export function renderMetricsDoc(): string {
  return [HEAD, ...SECTIONS.map(renderSection)].join("\n");
}

const HEAD = `# Metrics

\`GET /metrics\` on the admin listener answers in the Prometheus text format 0.0.4. This file is written from the
source by \`npm run docs\`.

Workers add to numbers in shared memory and the main process sums them when it is asked, so a scrape costs the data
plane nothing. When a worker dies, its counters stay and its gauges are cleared.

A configuration is refused when a family could have more series than \`observability.max_label_cardinality\` (a
histogram counts once for each combination of labels). Series of routes and backends that a reload removed stay until
their room is needed.

Buckets, in seconds:

- durations of requests: ${DURATION_BUCKETS_S.join(", ")}
- steps of a shutdown: ${DRAIN_SECONDS_BUCKETS.join(", ")}
`;

function renderSection(section: Section): string {
  const rows = section.families.map(
    (family) =>
      `| \`${family.name}\` | ${family.kind} | ${family.labels.map((label) => `\`${label}\``).join(", ")} | ${family.help} |`,
  );
  return [
    `## ${section.title}`,
    "",
    section.text,
    "",
    "| Family | Kind | Labels | Meaning |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
