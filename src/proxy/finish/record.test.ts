import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault, FAULT_CODES, faultIndex } from "../../base/fault.ts";
import { HttpVersion } from "../../wire/http/message.ts";
import { exchangeOf } from "../../../test/support/memory-exchange.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { get } from "../../../test/support/memory-http.ts";
import { DURATION_BUCKETS_S, HISTOGRAM_SLOTS, STATUS_CLASSES } from "../plan.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { recordExchange } from "./record.ts";

const gateway = new MemoryGateway();

function exchange(): Exchange {
  return exchangeOf(gateway, get("/"));
}

/** Slots that are not zero, with their values. */
function recorded(each: Exchange, status: number, nowMs: number): Map<number, number> {
  const counters = new Float64Array(20_000);
  each.endMs = nowMs;
  recordExchange(counters, each, status);
  return new Map([...counters.entries()].filter(([, value]) => value !== 0));
}

test("a request without a route is counted for its listener", () => {
  const each = exchange();
  each.fault = new Fault("no_route");
  const { noRoute, faults } = each.listener.plan.metrics;
  const slots = recorded(each, 404, 0.4);
  const version = HttpVersion.http11;
  assert.deepEqual(
    slots,
    new Map([
      [faults + faultIndex("no_route"), 1],
      [noRoute.requests + version * STATUS_CLASSES.length + 4, 1],
      [noRoute.duration + version * HISTOGRAM_SLOTS, 1],
      [noRoute.duration + version * HISTOGRAM_SLOTS + DURATION_BUCKETS_S.length + 1, 0.0004],
    ]),
  );
});

test("statuses are counted by class; none is its own, and beyond 599 is 5xx", () => {
  for (const [status, name] of [
    [0, "none"],
    [100, "1xx"],
    [199, "1xx"],
    [200, "2xx"],
    [304, "3xx"],
    [499, "4xx"],
    [500, "5xx"],
    [599, "5xx"],
    [600, "5xx"],
    [999, "5xx"],
  ] as const) {
    const each = exchange();
    const { requests } = each.listener.plan.metrics.noRoute;
    const slot = requests + HttpVersion.http11 * STATUS_CLASSES.length + STATUS_CLASSES.indexOf(name);
    assert.equal(recorded(each, status, 0).get(slot), 1, String(status));
  }
});

test("a duration falls into the bucket whose bound it does not pass", () => {
  const cases: readonly (readonly [number, number])[] = [
    [0, 0],
    [0.5, 0],
    [0.500_001, 1],
    [1, 1],
    [60_000, DURATION_BUCKETS_S.length - 1],
    [60_001, DURATION_BUCKETS_S.length],
    [1e9, DURATION_BUCKETS_S.length],
  ];
  for (const [durationMs, bucket] of cases) {
    const each = exchange();
    const base = each.listener.plan.metrics.noRoute.duration + HttpVersion.http11 * HISTOGRAM_SLOTS;
    const slots = recorded(each, 200, durationMs);
    assert.equal(slots.get(base + bucket), 1, `${durationMs} ms`);
    const inBuckets = DURATION_BUCKETS_S.map((_, index) => slots.get(base + index) ?? 0);
    assert.equal(
      inBuckets.reduce((sum, each) => sum + each, 0) + (slots.get(base + DURATION_BUCKETS_S.length) ?? 0),
      1,
    );
  }
});

test("the backend is counted by its own answer, and as none when it gave none", () => {
  for (const answered of [true, false]) {
    const each = exchange();
    each.route = each.listener.routes[0] ?? null;
    each.backend = each.route?.service.backends[0] ?? null;
    assert.ok(each.backend !== null && each.route !== null);
    each.pickMs = 100;
    if (answered) {
      each.responseHeadMs = 130;
      each.response.status = 201;
    }
    const slots = recorded(each, answered ? 201 : 504, 200);
    const { requests, duration } = each.backend.slots;
    assert.equal(slots.get(requests + (answered ? 2 : 0)), 1);
    assert.equal(slots.get(duration + DURATION_BUCKETS_S.length + 1), answered ? 0.03 : undefined);
    assert.equal(
      slots.get(each.route.slots.requests + HttpVersion.http11 * STATUS_CLASSES.length + (answered ? 2 : 5)),
      1,
    );
  }
});

test("every fault has a slot of its own", () => {
  const slots = FAULT_CODES.map((code) => {
    const each = exchange();
    each.fault = new Fault(code);
    const base = each.listener.plan.metrics.faults;
    return [...recorded(each, 500, 0).keys()].find(
      (slot) => slot >= base && slot < base + FAULT_CODES.length,
    );
  });
  assert.equal(new Set(slots).size, FAULT_CODES.length);
  assert.ok(!slots.includes(undefined));
});
