/** Pinning and limits, from what the machine says. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { planCpus, readHardLimit } from "./machine.ts";

describe("planCpus", () => {
  it("keeps the load away from the proxy where there are enough CPUs", () => {
    assert.deepEqual(planCpus(2, 1), { proxy: [0], load: [1] });
    assert.deepEqual(planCpus(8, 2), { proxy: [0, 1], load: [2, 3] });
    assert.deepEqual(planCpus(3, 2), { proxy: [0, 1], load: [2] });
  });

  it("shares all of them where there are not", () => {
    assert.deepEqual(planCpus(2, 2), { proxy: [0, 1], load: [0, 1] });
    assert.deepEqual(planCpus(1, 1), { proxy: [0], load: [0] });
  });
});

describe("readHardLimit", () => {
  const limits = (hard: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units\nMax processes             9                    8                    processes\nMax open files            1024                 ${hard}                files\n`;

  it("takes the hard one", () => assert.equal(readHardLimit(limits("20000")), 20_000));
  it("knows none", () => assert.ok(readHardLimit(limits("unlimited")) > 1e9));
  it("refuses to guess", () => assert.throws(() => readHardLimit("nothing"), /no limit/));
});
