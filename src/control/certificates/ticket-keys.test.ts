import assert from "node:assert/strict";
import { test } from "node:test";
import { TestTimers } from "../../../test/support/test-timers.ts";
import { TICKET_KEY_BYTES } from "../../fastpath/tls.ts";
import { parseConfig } from "../config/parse-config.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { goldenFiles } from "../../../test/config/golden-files.ts";
import { MAX_TICKET_KEYS, TicketKeys } from "./ticket-keys.ts";

const FILES = goldenFiles();

/** Listeners by address, with interval and overlap in seconds. */
function configOf(listeners: Readonly<Record<string, readonly [number, number]>>): GatewayConfig {
  const toml = Object.entries(listeners).map(
    ([address, [interval, overlap]]) => `
      [[listeners]]
      address = "${address}"
      protocol = "h1s"
      backends = [{ address = "127.0.0.1:1" }]
      [listeners.tls]
      cert_path = "/tls/good.pem"
      key_path = "/tls/good.key"
      ticket_rotation_interval_seconds = ${interval}
      ticket_rotation_overlap_seconds = ${overlap}`,
  );
  const { config, issues } = parseConfig(toml.join("\n"), {
    file: "t",
    env: {},
    certificates: { files: FILES },
  });
  assert.ok(config !== undefined, JSON.stringify(issues));
  return config;
}

const A = "127.0.0.1:1";
const B = "127.0.0.1:2";

class Fixture {
  readonly timers = new TestTimers();
  rotations = 0;
  /** First octets of the keys that were announced last, by listener: keys are numbered as they are made. */
  readonly announced: Record<string, number[]> = {};
  readonly keys: TicketKeys;

  constructor() {
    let made = 0;
    this.keys = new TicketKeys({
      timers: this.timers,
      changed: (listener, keys) => (this.announced[listener] = keys.map((key) => key[0] ?? -1)),
      rotated: () => (this.rotations += 1),
      random: (size) => new Uint8Array(size).fill(++made),
    });
  }

  of(listener: string): number[] {
    return this.keys.of(listener).map((key) => key[0] ?? -1);
  }
}

test("a listener has one key at first, the same whenever it is asked", () => {
  const fixture = new Fixture();
  const [key] = fixture.keys.of(A);
  assert.equal(key?.length, TICKET_KEY_BYTES);
  fixture.keys.adopt(configOf({ [A]: [100, 10] }));
  assert.deepEqual(fixture.of(A), [1]);
  assert.deepEqual(fixture.of(B), [2], "another listener has another");
});

test("a new key encrypts after each interval, and the one before decrypts for the overlap", async () => {
  const fixture = new Fixture();
  fixture.keys.adopt(configOf({ [A]: [100, 10] }));
  await fixture.timers.advance(99_999);
  assert.deepEqual([fixture.rotations, fixture.announced], [0, {}]);
  await fixture.timers.advance(1);
  assert.deepEqual([fixture.rotations, fixture.announced[A]], [1, [2, 1]]);
  await fixture.timers.advance(9_999);
  assert.deepEqual(fixture.of(A), [2, 1]);
  await fixture.timers.advance(1);
  assert.deepEqual([fixture.rotations, fixture.announced[A]], [1, [2]]);
  await fixture.timers.advance(90_000);
  assert.deepEqual([fixture.rotations, fixture.announced[A]], [2, [3, 2]]);
});

test("an overlap of nothing keeps no key, a long one keeps several, up to the limit", async () => {
  const fixture = new Fixture();
  fixture.keys.adopt(configOf({ [A]: [10, 0], [B]: [10, 100_000] }));
  await fixture.timers.advance(10_000);
  assert.equal(fixture.of(A).length, 1);
  await fixture.timers.advance(10_000 * MAX_TICKET_KEYS);
  assert.equal(fixture.of(A).length, 1);
  assert.equal(fixture.of(B).length, MAX_TICKET_KEYS);
});

test("keys outlive a reload that keeps the listener, whose new intervals count", async () => {
  const fixture = new Fixture();
  fixture.keys.adopt(configOf({ [A]: [1000, 10] }));
  await fixture.timers.advance(50_000);
  fixture.keys.adopt(configOf({ [A]: [60, 10] }));
  assert.deepEqual(fixture.of(A), [1]);
  await fixture.timers.advance(10_000);
  assert.deepEqual(fixture.announced[A], [2, 1]);
});

test("a listener that goes takes its keys with it", async () => {
  const fixture = new Fixture();
  fixture.keys.adopt(configOf({ [A]: [10, 10] }));
  fixture.keys.adopt(configOf({ [B]: [1000, 10] }));
  await fixture.timers.advance(100_000);
  assert.deepEqual(fixture.announced, {});
  assert.deepEqual(fixture.of(A), [3], "made anew");
});

test("nothing is armed after the end", () => {
  const fixture = new Fixture();
  fixture.keys.adopt(configOf({ [A]: [10, 10], [B]: [10, 10] }));
  assert.equal(fixture.timers.armed, 2);
  fixture.keys.stop();
  assert.equal(fixture.timers.armed, 0);
});
