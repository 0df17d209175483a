import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GLOBAL_SLOT_COUNT, GLOBAL_SLOTS } from "../../proxy/global-slots.ts";
import { DURATION_BUCKETS_S, HISTOGRAM_SLOTS, STATUS_CLASSES } from "../../proxy/plan.ts";
import { HTTP_VERSION_NAMES } from "../../wire/http/message.ts";
import { MetricsBudgetError } from "./metrics-budget-error.ts";
import { backendSlots, listenerSlots, NO_ROUTE_LABEL, routeSlots } from "./plan-slots.ts";
import { SeriesRegistry } from "./series-registry.ts";
import { SLOT_FAMILIES } from "./slot-families.ts";

const { backendRequests, backendInflight, acceptShed } = SLOT_FAMILIES;

interface Cleared {
  readonly first: number;
  readonly count: number;
}

function registryOf(slots?: number): { registry: SeriesRegistry; cleared: Cleared[] } {
  const cleared: Cleared[] = [];
  const clearSlots = (first: number, count: number): void => {
    cleared.push({ first, count });
  };
  const registry = new SeriesRegistry(slots === undefined ? { clearSlots } : { clearSlots, slots });
  registry.begin(1, 10_000);
  return { registry, cleared };
}

test("a series keeps its slots over reloads", () => {
  const { registry } = registryOf();
  const before = [
    listenerSlots(registry, "web"),
    routeSlots(registry, "web", "api"),
    backendSlots(registry, "s", "b"),
  ];
  registry.begin(2, 10_000);
  routeSlots(registry, "web", "another");
  const after = [
    listenerSlots(registry, "web"),
    routeSlots(registry, "web", "api"),
    backendSlots(registry, "s", "b"),
  ];
  assert.deepEqual(after, before);
});

test("blocks are as large as the plan says, and do not overlap each other or the global slots", () => {
  const { registry } = registryOf();
  const taken = new Set<number>(Array.from({ length: GLOBAL_SLOT_COUNT }, (_, slot) => slot));
  const take = (first: number, count: number): void => {
    for (let slot = first; slot < first + count; slot++) {
      assert.ok(!taken.has(slot), `slot ${slot} is taken twice`);
      taken.add(slot);
    }
  };
  const versions = HTTP_VERSION_NAMES.length;
  for (const name of ["web", "web2"]) {
    const listener = listenerSlots(registry, name);
    for (const route of [listener.noRoute, routeSlots(registry, name, "api")]) {
      take(route.requests, versions * STATUS_CLASSES.length);
      take(route.duration, versions * HISTOGRAM_SLOTS);
    }
    take(listener.acceptErrors, 6);
    take(listener.acceptInflight, 1);
    take(listener.connectionsInflight, 1);
    const backend = backendSlots(registry, "service", name);
    take(backend.requests, STATUS_CLASSES.length);
    take(backend.duration, DURATION_BUCKETS_S.length + 2);
    take(backend.inflight, 1);
    take(backend.connections, 1);
  }
});

test("labels are told apart wherever they are cut", () => {
  const { registry } = registryOf();
  const pair = fc.tuple(fc.string(), fc.string());
  fc.assert(
    fc.property(pair, pair, (a, b) => {
      const same = a[0] === b[0] && a[1] === b[1];
      assert.equal(registry.allot(backendInflight, a) === registry.allot(backendInflight, b), same);
    }),
  );
});

test("a family with too many series is refused, by name and number", () => {
  const { registry } = registryOf();
  registry.begin(1, 12);
  registry.allot(backendRequests, ["s", "1"]);
  registry.allot(backendRequests, ["s", "2"]);
  assert.throws(
    () => registry.allot(backendRequests, ["s", "3"]),
    (error: unknown) =>
      error instanceof MetricsBudgetError &&
      error.budget === "series" &&
      error.family === "backend_requests_total" &&
      error.wanted === 18 &&
      error.limit === 12 &&
      error.message.includes("max_label_cardinality"),
  );
  assert.equal(registry.seriesCount(backendRequests), 12);
  registry.allot(backendRequests, ["s", "1"]);
  registry.begin(2, 18);
  registry.allot(backendRequests, ["s", "3"]);
});

test("when slots run out, that is told", () => {
  const { registry } = registryOf(GLOBAL_SLOT_COUNT + 1);
  registry.allot(acceptShed, ["a"]);
  assert.throws(
    () => registry.allot(acceptShed, ["b"]),
    (error: unknown) => error instanceof MetricsBudgetError && error.budget === "slots",
  );
});

test("only series that no live plan names give up their slots, oldest first, and these are cleared", () => {
  const { registry, cleared } = registryOf(GLOBAL_SLOT_COUNT + 2);
  const old = registry.allot(acceptShed, ["old"]);
  registry.begin(2, 10_000);
  const newer = registry.allot(acceptShed, ["newer"]);
  registry.begin(3, 10_000);
  registry.retire(1);
  assert.throws(() => registry.allot(acceptShed, ["next"]), MetricsBudgetError);
  registry.retire(3);
  assert.equal(registry.allot(acceptShed, ["next"]), old);
  assert.deepEqual(cleared, [{ first: old, count: 1 }]);
  assert.equal(registry.allot(acceptShed, ["newer"]), newer, "it was there still, and is named again");
  assert.throws(() => registry.allot(acceptShed, ["one more"]), MetricsBudgetError);
});

test("a plan that never went live leaves no series, and what it had in common with others stays", () => {
  const { registry, cleared } = registryOf();
  const kept = registry.allot(acceptShed, ["kept"]);
  registry.begin(2, 10_000);
  assert.equal(registry.allot(acceptShed, ["kept"]), kept);
  const ghost = registry.allot(acceptShed, ["ghost"]);
  registry.abandon(2);
  assert.deepEqual(
    [...registry.blocks(acceptShed)].map(({ series }) => series),
    [[{ listener: "kept" }]],
  );
  registry.begin(2, 10_000);
  registry.allot(acceptShed, ["next"]);
  registry.retire(2);
  assert.deepEqual(cleared, [{ first: ghost, count: 1 }], "another series gets the slot, at zero");
  assert.equal([...registry.blocks(acceptShed)].length, 2);
});

test("slots that one family gives up serve another of the same size", () => {
  const { registry } = registryOf(GLOBAL_SLOT_COUNT + 1);
  const slot = registry.allot(acceptShed, ["old"]);
  registry.begin(2, 10_000);
  registry.retire(2);
  assert.equal(registry.allot(backendInflight, ["s", "b"]), slot);
  assert.deepEqual([...registry.blocks(acceptShed)], []);
});

test("series of removed backends stay until their room is needed", () => {
  const { registry } = registryOf();
  for (let generation = 1; generation <= 100; generation++) {
    registry.begin(generation, 30);
    registry.allot(backendRequests, ["s", `backend ${generation}`]);
    registry.retire(generation);
  }
  assert.equal([...registry.blocks(backendRequests)].length, 5);
});

test("the gauges are known, those of series and the global ones", () => {
  const { registry } = registryOf();
  const listener = listenerSlots(registry, "web");
  const backend = backendSlots(registry, "s", "b");
  assert.deepEqual(
    [...registry.gaugeSlots()].sort((a, b) => a - b),
    [
      GLOBAL_SLOTS.pool_idle_gauge,
      GLOBAL_SLOTS.h2_downstream_connections,
      GLOBAL_SLOTS.h2_upstream_connections,
      GLOBAL_SLOTS.h2_downstream_streams,
      GLOBAL_SLOTS.h2_upstream_streams,
      GLOBAL_SLOTS.websocket_tunnels,
      GLOBAL_SLOTS.upgrade_tunnels,
      GLOBAL_SLOTS.quic_modeb_connections,
      GLOBAL_SLOTS.quic_modeb_streams_active,
      GLOBAL_SLOTS.h3_downstream_connections,
      GLOBAL_SLOTS.h3_upstream_connections,
      GLOBAL_SLOTS.h3_downstream_streams,
      GLOBAL_SLOTS.h3_upstream_streams,
      listener.acceptInflight,
      listener.connectionsInflight,
      backend.inflight,
      backend.connections,
    ].sort((a, b) => a - b),
  );
});

test("requests without a route have a label of their own", () => {
  const { registry } = registryOf();
  assert.deepEqual(listenerSlots(registry, "web").noRoute, routeSlots(registry, "web", NO_ROUTE_LABEL));
});

test("a large plan fits: 64 routes on 8 listeners, 500 backends", () => {
  const { registry } = registryOf();
  for (let listener = 0; listener < 8; listener++) {
    listenerSlots(registry, `listener ${listener}`);
    for (let route = 0; route < 64; route++) routeSlots(registry, `listener ${listener}`, `route ${route}`);
  }
  for (let backend = 0; backend < 500; backend++) backendSlots(registry, "s", `backend ${backend}`);
  for (const family of Object.values(SLOT_FAMILIES)) assert.ok(registry.seriesCount(family) <= 10_000);
});
