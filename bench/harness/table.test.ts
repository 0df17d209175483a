/** What a table says of measurements: ratios, marks, and how the runs went. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Measured } from "./rounds.ts";
import { overview, requestTable } from "./table.ts";

function measured(name: string, cpu: number, more: Partial<Measured> = {}): Measured {
  const one = { median: 1, min: 1, max: 1 };
  return {
    name,
    version: "1",
    errors: 0,
    rounds: 5,
    rejected: 0,
    noisy: false,
    cpuByRound: [cpu],
    ...more,
    figures: {
      cpuMicrosPerRequest: { median: cpu, min: cpu, max: cpu },
      requestsPerSecond: one,
      p50Ms: one,
      p99Ms: one,
      p999Ms: one,
      rssMib: one,
      busyCpus: one,
      logBytesPerRequest: one,
    },
  };
}

function rowOf(lines: readonly string[], name: string): Record<string, string> {
  const split = (line: string): string[] =>
    line
      .split("|")
      .slice(1, -1)
      .map((text) => text.trim());
  const titles = split(lines[0] ?? "");
  const cells = split(lines.find((line) => line.startsWith(`| ${name} |`)) ?? "");
  return Object.fromEntries(titles.map((title, i) => [title, cells[i] ?? ""]));
}

describe("the table of a scenario", () => {
  const rows = [
    measured("nginx", 20),
    measured("Caddy", 27, { rejected: 2, errors: 3 }),
    measured("ExpressGateway (epoll)", 14),
    measured("ExpressGateway@abc (net)", 40),
    measured("ExpressGateway@abc (epoll)", 28),
  ];

  it("gives the ratio to nginx and marks what is over the limit", () => {
    const lines = requestTable(rows, { title: "t" });
    assert.equal(rowOf(lines, "nginx")["ratio to nginx"], "1.00");
    assert.equal(rowOf(lines, "ExpressGateway (epoll)")["ratio to nginx"], "0.70");
    assert.equal(rowOf(lines, "ExpressGateway (epoll)")["over 1.3"], "");
    assert.equal(rowOf(lines, "Caddy")["over 1.3"], "over");
    assert.equal(rowOf(lines, "Caddy")["runs"], "5, 2 rejected, 3 errors");
  });

  it("takes the median of the ratios within rounds, as far as both were measured in them", () => {
    const slowing = [
      measured("nginx", 20, { cpuByRound: [20, 40, null, 30, 10] }),
      measured("ExpressGateway (net)", 20, { cpuByRound: [22, 44, 90, null, 20] }),
    ];
    const lines = requestTable(slowing, { title: "t" });
    assert.equal(rowOf(lines, "ExpressGateway (net)")["ratio to nginx"], "1.10");
  });

  it("compares with the other commit on the same transport", () => {
    const lines = requestTable(rows, { title: "t", compared: "@abc" });
    assert.equal(rowOf(lines, "ExpressGateway (epoll)")["ratio to @abc"], "0.50");
    assert.equal(rowOf(lines, "nginx")["ratio to @abc"], "");
    assert.equal(
      rowOf(requestTable(rows.slice(0, 3), { title: "t", compared: "@abc" }), "nginx")["ratio to @abc"],
      "",
    );
  });

  it("gives nanoseconds per KiB where bodies are the point", () => {
    const lines = requestTable(rows, { title: "t", bodyKib: 10 });
    assert.equal(rowOf(lines, "nginx")["CPU ns/KiB"], "2000");
  });
});

describe("the overview", () => {
  it("has a line per scenario and leaves open what was not measured", () => {
    const lines = overview([
      ["one", [measured("nginx", 10), measured("Caddy", 20)]],
      ["two", [measured("nginx", 5)]],
    ]);
    assert.equal(rowOf(lines, "one")["Caddy"], "20.0 (2.00, over)");
    assert.equal(rowOf(lines, "one")["nginx"], "10.0");
    assert.equal(rowOf(lines, "two")["Caddy"], "");
  });
});
