import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PER_IP_SETS, PER_IP_WAYS } from "../../base/limits.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import { AddressHash } from "./address-hash.ts";
import { initRegion, regionBytes } from "./layout.ts";
import { PER_IP_REFUSED, PER_IP_UNCOUNTED } from "./per-ip-table.ts";
import { Stripe } from "./stripe.ts";

const SEED = Int32Array.of(7, 11);

function stripes(workers: number): Stripe[] {
  const buffer = new ArrayBuffer(regionBytes(workers));
  initRegion(buffer, { workers, seed: SEED });
  return Array.from({ length: workers }, (_, index) => new Stripe(buffer, index));
}

/** More addresses than a set has ways, all of one set. */
function addressesOfOneSet(): string[] {
  const hash = new AddressHash(SEED);
  const found: string[] = [];
  for (let i = 0; found.length <= PER_IP_WAYS; i++) {
    const ip = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
    hash.update(ip);
    if ((hash.high >>> 0) % PER_IP_SETS === 0) found.push(ip);
  }
  return found;
}

test("an address has at most cap connections, over all workers", () => {
  const [a, b] = stripes(2) as [Stripe, Stripe];
  const first = a.perIp.acquire("192.0.2.1", 2);
  assert.ok(first > 0);
  assert.ok(b.perIp.acquire("192.0.2.1", 2) > 0);
  assert.equal(a.perIp.acquire("192.0.2.1", 2), PER_IP_REFUSED);
  assert.equal(b.perIp.acquire("::ffff:192.0.2.1", 2), PER_IP_REFUSED);
  assert.ok(b.perIp.acquire("192.0.2.2", 2) > 0, "another address has its own count");
  a.perIp.release(first);
  assert.ok(b.perIp.acquire("192.0.2.1", 2) > 0);
  assert.equal(a.perIp.count("192.0.2.1"), 2);
});

test("a full set admits uncounted, says so, and such a ticket takes nothing back", () => {
  const [a] = stripes(1) as [Stripe];
  const addresses = addressesOfOneSet();
  const last = addresses.pop() ?? "";
  const tickets = addresses.map((ip) => a.perIp.acquire(ip, 1));
  assert.ok(tickets.every((ticket) => ticket > 0));
  const uncounted = a.perIp.acquire(last, 1);
  assert.equal(uncounted, PER_IP_UNCOUNTED);
  assert.equal(a.counters[GLOBAL_SLOTS.connections_per_ip_uncounted_total], 1);
  a.perIp.release(tickets[0] ?? 0);
  assert.ok(a.perIp.acquire(last, 1) > 0, "a place that was given back is taken again");
  a.perIp.release(uncounted);
  assert.equal(a.perIp.count(last), 1);
});

test("a peer without an address is admitted uncounted", () => {
  const [a] = stripes(1) as [Stripe];
  assert.equal(a.perIp.acquire("", 1), PER_IP_UNCOUNTED);
});

test("a ticket that is given back twice is our mistake", () => {
  const [a] = stripes(1) as [Stripe];
  const ticket = a.perIp.acquire("192.0.2.1", 1);
  a.perIp.release(ticket);
  assert.throws(() => a.perIp.release(ticket), /released twice/);
});

test("counts equal those of a plain map, whatever is opened and closed where", () => {
  const steps = fc.array(fc.record({ worker: fc.nat(2), ip: fc.nat(5), close: fc.boolean() }), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(steps, (sequence) => {
      const workers = stripes(3);
      const open = new Map<string, { worker: Stripe; ticket: number }[]>();
      for (const step of sequence) {
        const ip = `198.51.100.${step.ip}`;
        const list = open.get(ip) ?? [];
        open.set(ip, list);
        const worker = workers[step.worker] as Stripe;
        if (step.close) {
          const closed = list.pop();
          closed?.worker.perIp.release(closed.ticket);
          continue;
        }
        const ticket = worker.perIp.acquire(ip, 4);
        assert.equal(ticket > 0, list.length < 4);
        if (ticket > 0) list.push({ worker, ticket });
      }
      for (const [ip, list] of open) assert.equal(workers[0]?.perIp.count(ip), list.length);
    }),
    { numRuns: 20 },
  );
});
