import assert from "node:assert/strict";
import { test } from "node:test";
import { GLOBAL_SLOT_COUNT, GLOBAL_SLOTS } from "../../proxy/global-slots.ts";
import { QUIC_COUNTERS } from "../../proxy/quic/quic-counters.ts";
import { QUIC_RELAY_COUNTERS } from "../../proxy/relay/quic-relay-counters.ts";
import { GLOBAL_FAMILIES } from "./global-families.ts";

const NAMES = GLOBAL_FAMILIES.map(({ name }) => name);

test("every slot has one family, and no two share one", () => {
  assert.deepEqual(NAMES.toSorted(), Object.keys(GLOBAL_SLOTS).toSorted());
  const slots = GLOBAL_FAMILIES.map(({ slot }) => slot);
  assert.equal(new Set(slots).size, slots.length);
  assert.ok(slots.every((slot) => slot >= 0 && slot < GLOBAL_SLOT_COUNT));
});

test("a counter's name ends with what it counts, a gauge's does not, and both are explained", () => {
  for (const { name, kind, help } of GLOBAL_FAMILIES) {
    assert.match(help, /^\S.*\.$/, name);
    if (kind === "gauge") assert.doesNotMatch(name, /_total$/);
    if (/^(quic|h3)_/.test(name)) assert.equal(kind === "counter", name.endsWith("_total"), name);
  }
});

test("all that QUIC counts can be read", () => {
  for (const name of [...QUIC_COUNTERS, ...QUIC_RELAY_COUNTERS]) assert.ok(NAMES.includes(name), name);
});

test("names that dashboards know are there", () => {
  const known = [
    "quic_modeb_connections",
    "quic_modeb_connections_total",
    "quic_modeb_datagrams_dropped_total",
    "quic_modeb_streams_active",
    "h3_goaway_sent_total",
    "h3_connections_recycled_total",
  ];
  for (const name of known) assert.ok(NAMES.includes(name), name);
});
