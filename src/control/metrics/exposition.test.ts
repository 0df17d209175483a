import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { faultIndex } from "../../base/fault.ts";
import { GLOBAL_SLOTS } from "../../proxy/global-slots.ts";
import { HISTOGRAM_SLOTS, STATUS_CLASSES } from "../../proxy/plan.ts";
import { initRegion, regionBytes } from "../../proxy/state/layout.ts";
import { monotonicMs } from "../../proxy/state/monotonic-clock.ts";
import { Region } from "../../proxy/state/region.ts";
import { Stripe, WORKER_READY } from "../../proxy/state/stripe.ts";
import { HttpVersion } from "../../wire/http/message.ts";
import { ControlMetrics } from "./control-metrics.ts";
import { Exposition } from "./exposition.ts";
import { renderMetricsDoc } from "./metrics-doc.ts";
import { backendSlots, listenerSlots, routeSlots } from "./plan-slots.ts";
import { SeriesRegistry } from "./series-registry.ts";

interface Setup {
  readonly stripes: readonly [Stripe, Stripe];
  readonly region: Region;
  readonly series: SeriesRegistry;
  readonly control: ControlMetrics;
  readonly exposition: Exposition;
}

function setUp(): Setup {
  const buffer = new ArrayBuffer(regionBytes(2));
  initRegion(buffer, { workers: 2, seed: Int32Array.of(1, 2) });
  const region = new Region(buffer);
  const series = new SeriesRegistry({ clearSlots: (first, count) => region.clearSlots(first, count) });
  series.begin(1, 10_000);
  const control = new ControlMetrics();
  const exposition = new Exposition({ region, series, control, version: "1.2.3" });
  return { stripes: [new Stripe(buffer, 0), new Stripe(buffer, 1)], region, series, control, exposition };
}

function add(stripe: Stripe, slot: number, value = 1): void {
  (stripe.counters[slot] as number) += value;
}

/** The lines of one family, without the comments. */
async function linesOf({ exposition }: Setup, family: string): Promise<string[]> {
  const lines = (await exposition.scrape()).split("\n");
  const start = lines.findIndex((line) => line.startsWith(`# TYPE ${family} `));
  assert.notEqual(start, -1, `${family} is not exposed`);
  const end = lines.indexOf("", start);
  return lines.slice(start + 1, end);
}

test("counters are summed over the workers and appear with their first event", async () => {
  const setup = setUp();
  const [a, b] = setup.stripes;
  const route = routeSlots(setup.series, "web", "api");
  assert.deepEqual(await linesOf(setup, "http_requests_total"), []);
  const slot = route.requests + HttpVersion.http11 * STATUS_CLASSES.length + STATUS_CLASSES.indexOf("2xx");
  add(a, slot, 2);
  add(b, slot, 3);
  assert.deepEqual(await linesOf(setup, "http_requests_total"), [
    'http_requests_total{listener="web",route="api",version="HTTP/1.1",status_class="2xx"} 5',
  ]);
});

test("a histogram's buckets are cumulative, with their sum and count", async () => {
  const setup = setUp();
  const [a, b] = setup.stripes;
  const { duration } = backendSlots(setup.series, "api", "10.0.0.5:8080");
  add(a, duration, 1); // up to 0.5 ms
  add(b, duration + 2, 4); // up to 2.5 ms
  add(b, duration + HISTOGRAM_SLOTS - 2, 2); // above the last bound
  add(a, duration + HISTOGRAM_SLOTS - 1, 200.5);
  const name = "backend_request_duration_seconds";
  const labels = 'service="api",backend="10.0.0.5:8080"';
  const lines = await linesOf(setup, name);
  assert.equal(lines.length, HISTOGRAM_SLOTS + 1);
  assert.deepEqual(lines.slice(0, 4), [
    `${name}_bucket{le="0.0005",${labels}} 1`,
    `${name}_bucket{le="0.001",${labels}} 1`,
    `${name}_bucket{le="0.0025",${labels}} 5`,
    `${name}_bucket{le="0.005",${labels}} 5`,
  ]);
  assert.deepEqual(lines.slice(-4), [
    `${name}_bucket{le="60",${labels}} 5`,
    `${name}_bucket{le="+Inf",${labels}} 7`,
    `${name}_sum{${labels}} 200.5`,
    `${name}_count{${labels}} 7`,
  ]);
});

test("gauges and faults have their labels; label values are escaped", async () => {
  const setup = setUp();
  const [a] = setup.stripes;
  const listener = listenerSlots(setup.series, 'a"b\\c');
  add(a, listener.faults + faultIndex("header_timeout"));
  assert.deepEqual(await linesOf(setup, "connections_inflight"), [
    'connections_inflight{listener="a\\"b\\\\c"} 0',
  ]);
  assert.deepEqual(await linesOf(setup, "http_faults_total"), [
    'http_faults_total{listener="a\\"b\\\\c",code="header_timeout"} 1',
  ]);
  const backend = backendSlots(setup.series, "api", "b:1");
  add(a, backend.faults + faultIndex("connect_refused"), 2);
  assert.deepEqual(await linesOf(setup, "backend_faults_total"), [
    'backend_faults_total{service="api",backend="b:1",code="connect_refused"} 2',
  ]);
});

test("global counters are there from the start", async () => {
  const setup = setUp();
  add(setup.stripes[1], GLOBAL_SLOTS.connections_total, 9);
  assert.deepEqual(await linesOf(setup, "connections_total"), ["connections_total 9"]);
  assert.deepEqual(await linesOf(setup, "accept_reject_total"), ["accept_reject_total 0"]);
});

test("what the control plane counts", async () => {
  const setup = setUp();
  const { control } = setup;
  control.transport = "net";
  control.applied(1, 0, 0);
  control.applied(2, 5, 1);
  control.reloadFailed();
  control.workerLost("exit");
  control.workerLost("stall");
  control.drainTimeoutsMs = new Map([["web", 10_000]]);
  control.drainStep({ phase: "inflight_drain", outcome: "timeout", seconds: 10.01 });
  control.listenerDrainStep("web", { phase: "listener_cancel", outcome: "completed", seconds: 0.2 });
  const single = async (family: string): Promise<string> => (await linesOf(setup, family)).join("|");
  assert.equal(await single("config_reload_succeeded_total"), "config_reload_succeeded_total 1");
  assert.equal(await single("config_reload_failed_total"), "config_reload_failed_total 1");
  assert.equal(
    await single("config_reload_applied_swappable_total"),
    "config_reload_applied_swappable_total 5",
  );
  assert.equal(await single("config_reload_applied_version"), "config_reload_applied_version 2");
  control.dnsCounters = () => ({ hits: 7, misses: 2, entries: 1 });
  assert.equal(await single("dns_cache_hits_total"), "dns_cache_hits_total 7");
  assert.equal(await single("dns_cache_misses_total"), "dns_cache_misses_total 2");
  assert.equal(await single("dns_cache_entries"), "dns_cache_entries 1");
  assert.equal(await single("panic_total"), "panic_total 1");
  assert.deepEqual(await linesOf(setup, "worker_restarts_total"), [
    'worker_restarts_total{reason="exit"} 1',
    'worker_restarts_total{reason="signal"} 0',
    'worker_restarts_total{reason="stall"} 1',
  ]);
  assert.equal(
    await single("shutdown_inflight_drain_timeout_total"),
    "shutdown_inflight_drain_timeout_total 1",
  );
  assert.equal(
    await single("lb_drain_timeout_ms_listener"),
    'lb_drain_timeout_ms_listener{listener="web"} 10000',
  );
  const info = `expressgateway_info{version="1.2.3",node="${process.versions.node}",transport="net"} 1`;
  assert.equal(await single("expressgateway_info"), info);
  assert.equal(
    await single("expressgateway_transport_info"),
    'expressgateway_transport_info{transport="net"} 1',
  );
  const drain = await linesOf(setup, "shutdown_drain_seconds_global");
  assert.ok(
    drain.includes(
      'shutdown_drain_seconds_global_bucket{le="30",phase="inflight_drain",outcome="timeout"} 1',
    ),
    drain.join("\n"),
  );
});

test("workers and the main process show their life and usage", async () => {
  const setup = setUp();
  const [a] = setup.stripes;
  setup.control.workerPlaces = () => [0, 1];
  a.setPid(process.ppid);
  a.setFlags(WORKER_READY);
  a.beat(monotonicMs() - 2000);
  assert.deepEqual(await linesOf(setup, "worker_up"), ['worker_up{worker="0"} 1', 'worker_up{worker="1"} 0']);
  const [age, ...others] = await linesOf(setup, "worker_heartbeat_age_seconds");
  assert.match(age ?? "", /^worker_heartbeat_age_seconds\{worker="0"\} [2-9]/);
  assert.deepEqual(others, []);
  for (const family of ["worker_resident_memory_bytes", "worker_open_fds"]) {
    assert.match((await linesOf(setup, family)).join(), new RegExp(`^${family}\\{worker="0"\\} [1-9]\\d*$`));
  }
  const memory = (await linesOf(setup, "process_resident_memory_bytes")).join();
  const bytes = Number(memory.split(" ")[1]);
  assert.ok(bytes > 1 << 20 && bytes < 2 ** 40, memory);
  const [start] = await linesOf(setup, "process_start_time_seconds");
  assert.ok(Math.abs(Number(start?.split(" ")[1]) - (Date.now() / 1000 - process.uptime())) < 5);
});

test("the text is of format 0.0.4: each family once, HELP and TYPE first, every line whole", async () => {
  const setup = setUp();
  setup.control.drainStep({ phase: "total", outcome: "completed", seconds: 1 });
  listenerSlots(setup.series, "web");
  backendSlots(setup.series, "api", "b:1");
  const text = await setup.exposition.scrape();
  assert.equal(setup.exposition.contentType, "text/plain; version=0.0.4; charset=utf-8");
  assert.ok(text.endsWith("\n"));
  const seen = new Set<string>();
  for (const block of text.trimEnd().split("\n\n")) {
    const [help = "", type, ...samples] = block.split("\n");
    const name = /^# HELP ([a-z_0-9]+) \S.*\.$/.exec(help)?.[1] ?? "";
    assert.match(type ?? "", new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`));
    assert.ok(!seen.has(name), `${name} twice`);
    seen.add(name);
    for (const sample of samples) {
      assert.match(sample, new RegExp(`^${name}(_bucket|_sum|_count)?(\\{[^{}]+\\})? -?[0-9.e+-]+$`));
    }
  }
});

test("docs/METRICS.md is what the families say, and has every family that is exposed", async () => {
  const written = readFileSync(new URL("../../../docs/METRICS.md", import.meta.url), "utf8");
  assert.equal(written, renderMetricsDoc(), "run `npm run docs`");
  const text = await setUp().exposition.scrape();
  const exposed = text.split("\n").filter((line) => line.startsWith("# TYPE "));
  assert.ok(exposed.length > 40);
  for (const line of exposed) assert.ok(written.includes(`| \`${line.split(" ")[2]}\` |`), line);
});
