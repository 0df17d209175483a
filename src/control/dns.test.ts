import assert from "node:assert/strict";
import { test } from "node:test";
import { DnsCache, type DnsSettings, MAX_DNS_HOSTS, MIN_RETRY_MS } from "./dns.ts";
import { MAX_CONCURRENT_LOOKUPS } from "./dns-lookup.ts";
import { TestTimers } from "../../test/support/test-timers.ts";
import { systemTimers } from "./timers.ts";

const settings: DnsSettings = {
  refreshIntervalMs: 60_000,
  negativeTtlMs: 5_000,
  maxTtlMs: 300_000,
  timeoutMs: 2_000,
};

type Answer = readonly string[] | Promise<readonly string[]> | Error | "hangs";

/** A resolver whose answers a test sets, a cache on it, and what the cache reported. */
class Fixture {
  readonly timers = new TestTimers();
  readonly answers = new Map<string, Answer>();
  readonly asked: string[] = [];
  readonly changes: [string, readonly string[]][] = [];
  readonly failures: [string, string][] = [];
  concurrent = 0;
  mostConcurrent = 0;
  readonly cache: DnsCache;

  constructor(changed: Partial<DnsSettings> = {}) {
    this.cache = new DnsCache({
      settings: { ...settings, ...changed },
      changed: (host, addresses) => this.changes.push([host, addresses]),
      failed: (host, reason) => this.failures.push([host, reason]),
      lookup: (host) => this.#lookup(host),
      timers: this.timers,
    });
  }

  async #lookup(host: string): Promise<readonly string[]> {
    this.asked.push(host);
    this.mostConcurrent = Math.max(this.mostConcurrent, ++this.concurrent);
    await Promise.resolve();
    const answer = this.answers.get(host) ?? notFound();
    if (answer === "hangs") await new Promise(() => {});
    this.concurrent -= 1;
    if (answer instanceof Error) throw answer;
    return answer as readonly string[] | Promise<readonly string[]>;
  }
}

function notFound(): Error {
  return Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
}

test("an answer comes from the cache until it is too old", async () => {
  const { cache, answers, asked, timers } = new Fixture();
  answers.set("a", ["10.0.0.1", "::1"]);
  assert.deepEqual(await cache.resolve("a"), ["10.0.0.1", "::1"]);
  assert.deepEqual(await cache.resolve("a"), ["10.0.0.1", "::1"]);
  assert.deepEqual(cache.counters, { hits: 1, misses: 1, entries: 1 });
  await timers.advance(299_999);
  await cache.resolve("a");
  assert.equal(asked.length, 1);
  await timers.advance(1);
  await cache.resolve("a");
  assert.deepEqual(cache.counters, { hits: 2, misses: 2, entries: 1 });
});

test("numeric addresses are themselves and are not counted", async () => {
  const { cache, asked } = new Fixture();
  assert.deepEqual(await cache.resolve("10.0.0.1"), ["10.0.0.1"]);
  assert.deepEqual(await cache.resolve("2001:db8::1"), ["2001:db8::1"]);
  cache.start(["10.0.0.1"]);
  cache.stop();
  assert.deepEqual(cache.counters, { hits: 0, misses: 0, entries: 0 });
  assert.deepEqual(asked, []);
});

test("a failure is believed for a while and says why", async () => {
  const { cache, asked, answers, timers } = new Fixture();
  assert.deepEqual(await cache.resolve("a"), []);
  assert.equal(cache.failure("a"), "unknown host name (ENOTFOUND)");
  answers.set("a", ["10.0.0.1"]);
  await timers.advance(4_999);
  assert.deepEqual(await cache.resolve("a"), []);
  assert.equal(asked.length, 1);
  await timers.advance(1);
  assert.deepEqual(await cache.resolve("a"), ["10.0.0.1"]);
  assert.equal(cache.failure("a"), undefined);
});

test("an answer without usable addresses is a failure; repetitions count once", async () => {
  const { cache, answers } = new Fixture();
  answers.set("a", []);
  answers.set("b", ["not-an-address", "10.0.0.1", "10.0.0.1"]);
  assert.deepEqual(
    await cache.resolveAll(["a", "b", "a", "__proto__", "10.0.0.9"]),
    Object.fromEntries([
      ["a", []],
      ["b", ["10.0.0.1"]],
      ["__proto__", []],
      ["10.0.0.9", ["10.0.0.9"]],
    ]),
  );
  assert.equal(cache.failure("a"), "no addresses");
});

test("who asks for a name while it is looked up waits for the same answer", async () => {
  const { cache, answers, asked } = new Fixture();
  answers.set("a", ["10.0.0.1"]);
  const all = await Promise.all([cache.resolve("a"), cache.resolve("a"), cache.resolveAll(["a"])]);
  assert.deepEqual(all, [["10.0.0.1"], ["10.0.0.1"], { a: ["10.0.0.1"] }]);
  assert.deepEqual(asked, ["a"]);
});

test("only so many names are looked up at once", async () => {
  const fixture = new Fixture();
  const hosts = Array.from({ length: 100 }, (_, index) => `h${index}`);
  for (const host of hosts) fixture.answers.set(host, ["10.0.0.1"]);
  const resolved = await fixture.cache.resolveAll(hosts);
  assert.equal(Object.keys(resolved).length, 100);
  assert.equal(fixture.mostConcurrent, MAX_CONCURRENT_LOOKUPS);
});

test("a look that takes too long fails, frees its place and is joined by the next one", async () => {
  const { cache, answers, asked, timers } = new Fixture();
  const hosts = Array.from({ length: MAX_CONCURRENT_LOOKUPS }, (_, index) => `dead${index}`);
  for (const host of hosts) answers.set(host, "hangs");
  answers.set("alive", ["10.0.0.1"]);
  const dead = cache.resolveAll(hosts);
  const alive = cache.resolve("alive");
  await timers.advance(1_999);
  assert.ok(!asked.includes("alive"));
  await timers.advance(1);
  assert.deepEqual(await alive, ["10.0.0.1"]);
  assert.deepEqual((await dead)["dead0"], []);
  assert.equal(cache.failure("dead0"), "no answer within 2000 ms");
  await timers.advance(5_000);
  const again = cache.resolve("dead0");
  await timers.advance(2_000);
  assert.deepEqual(await again, []);
  assert.equal(asked.filter((host) => host === "dead0").length, 1);
});

test("watched names are looked at again, and only changes are told", async () => {
  const { cache, answers, asked, changes, timers } = new Fixture();
  answers.set("a", ["10.0.0.1", "10.0.0.2"]);
  await cache.resolveAll(["a"]);
  cache.start(["a"]);
  answers.set("a", ["10.0.0.2", "10.0.0.1"]);
  await timers.advance(60_000);
  assert.equal(asked.length, 2);
  assert.deepEqual(changes, []);
  answers.set("a", ["10.0.0.2", "10.0.0.3"]);
  await timers.advance(60_000);
  assert.deepEqual(changes, [["a", ["10.0.0.2", "10.0.0.3"]]]);
  assert.deepEqual(await cache.resolve("a"), ["10.0.0.2", "10.0.0.3"]);
  cache.stop();
  assert.equal(timers.armed, 0);
});

test("the last addresses stay while looking fails, and the failure is told once", async () => {
  const { cache, answers, asked, changes, failures, timers } = new Fixture();
  answers.set("a", ["10.0.0.1"]);
  await cache.resolveAll(["a"]);
  cache.start(["a"]);
  answers.set("a", Object.assign(new Error("again"), { code: "EAI_AGAIN" }));
  await timers.advance(60_000 + 400_000);
  assert.deepEqual(await cache.resolve("a"), ["10.0.0.1"]);
  assert.deepEqual(changes, []);
  assert.deepEqual(failures, [["a", "the name server does not answer (EAI_AGAIN)"]]);
  assert.ok(asked.length > 70, "a failing name is looked at every 5 s");
  answers.set("a", ["10.0.0.9"]);
  await timers.advance(5_000);
  assert.deepEqual(changes, [["a", ["10.0.0.9"]]]);
  cache.stop();
});

test("a name that was unknown at the start is told when it appears", async () => {
  const { cache, answers, changes, timers } = new Fixture();
  assert.deepEqual(await cache.resolveAll(["a"]), { a: [] });
  cache.start(["a"]);
  answers.set("a", ["10.0.0.1"]);
  await timers.advance(5_000);
  assert.deepEqual(changes, [["a", ["10.0.0.1"]]]);
  cache.stop();
});

test("failing names are not asked for without a pause, even when failures are not believed", async () => {
  const { cache, asked, timers } = new Fixture({ negativeTtlMs: 0 });
  cache.start(["a"]);
  await timers.advance(10 * MIN_RETRY_MS);
  assert.ok(asked.length <= 11, `${asked.length} looks`);
  cache.stop();
});

test("after a reload new names are watched and others forgotten", async () => {
  const { cache, answers, asked, changes, timers } = new Fixture();
  answers.set("a", ["10.0.0.1"]);
  answers.set("b", ["10.0.0.2"]);
  await cache.resolveAll(["a"]);
  cache.start(["a"]);
  await cache.resolveAll(["b"]);
  cache.update(["b"]);
  assert.equal(cache.counters.entries, 1);
  asked.length = 0;
  answers.set("b", ["10.0.0.3"]);
  await timers.advance(60_000);
  assert.deepEqual(asked, ["b"]);
  assert.deepEqual(changes, [["b", ["10.0.0.3"]]]);
  cache.stop();
});

test("a look that is under way when its name is dropped, or at the stop, tells nothing", async () => {
  for (const end of [(cache: DnsCache) => cache.update([]), (cache: DnsCache) => cache.stop()]) {
    const { cache, answers, asked, changes, timers } = new Fixture();
    answers.set("a", ["10.0.0.1"]);
    await cache.resolveAll(["a"]);
    cache.start(["a"]);
    const gate = Promise.withResolvers<readonly string[]>();
    answers.set("a", gate.promise);
    await timers.advance(60_000);
    assert.equal(asked.length, 2);
    end(cache);
    gate.resolve(["10.0.0.2"]);
    await timers.advance(120_000);
    assert.deepEqual(changes, []);
    assert.equal(asked.length, 2);
    assert.equal(timers.armed, 0);
  }
});

test("the number of names is bounded", async () => {
  const { cache, answers } = new Fixture();
  answers.set("late", ["10.0.0.1"]);
  cache.update(Array.from({ length: MAX_DNS_HOSTS }, (_, index) => `h${index}`));
  assert.deepEqual(await cache.resolve("late"), []);
  assert.equal(cache.failure("late"), `over ${MAX_DNS_HOSTS} host names`);
  cache.update([]);
  assert.deepEqual(await cache.resolve("late"), ["10.0.0.1"]);
});

test(
  "the system's resolver knows localhost and explains what it does not know",
  { timeout: 20_000 },
  async () => {
    const cache = new DnsCache({
      settings,
      changed: () => assert.fail("nothing changes"),
      timers: systemTimers,
    });
    const { localhost, "a name with blanks": other } = await cache.resolveAll([
      "localhost",
      "a name with blanks",
    ]);
    assert.ok(localhost?.some((address) => address === "127.0.0.1" || address === "::1"));
    assert.deepEqual(other, []);
    assert.notEqual(cache.failure("a name with blanks"), undefined);
  },
);
