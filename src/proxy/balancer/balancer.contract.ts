/** What every balancer must do, whatever its algorithm; each one's test runs it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Backend } from "../upstream/backend.ts";
import type { Balancer } from "./balancer.ts";

/** Makes the balancer for backends of these weights. */
export type MakeBalancer = (backends: readonly Backend[], weights: readonly number[]) => Balancer;

export interface BalancerTraits {
  readonly name: string;
  readonly make: MakeBalancer;
  /** Weights that the algorithm is for. */
  readonly weights: fc.Arbitrary<number[]>;
}

/** Stand-ins that only have an identity: a balancer that only counts must not look into them. */
export function fakeBackends(count: number): Backend[] {
  return Array.from({ length: count }, (_, index) => Object.freeze({ index }) as unknown as Backend);
}

/** How often each backend comes in so many picks. */
export function shares(balancer: Balancer, backends: readonly Backend[], picks: number): number[] {
  const counts = backends.map(() => 0);
  for (let i = 0; i < picks; i++) {
    const picked = balancer.pick();
    assert.ok(picked !== null);
    const index = backends.indexOf(picked);
    assert.notEqual(index, -1, "a backend that is not the service's");
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

export function testBalancer({ name, make, weights }: BalancerTraits): void {
  test(`${name}: without backends there is nothing to pick`, () => {
    const balancer = make([], []);
    for (let i = 0; i < 3; i++) assert.equal(balancer.pick(), null);
  });

  test(`${name}: one backend gets everything`, () => {
    const backends = fakeBackends(1);
    assert.deepEqual(shares(make(backends, [1]), backends, 10), [10]);
  });

  test(`${name}: over every full turn the shares are exactly the weights`, () => {
    fc.assert(
      fc.property(weights, fc.nat({ max: 50 }), (list, offset) => {
        const backends = fakeBackends(list.length);
        const balancer = make(backends, list);
        const turn = sum(list);
        for (let i = 0; i < offset % turn; i++) balancer.pick();
        for (let i = 0; i < 3; i++) assert.deepEqual(shares(balancer, backends, turn), list);
      }),
    );
  });

  test(`${name}: within a turn nobody runs ahead of its share by more than one pick for each other backend`, () => {
    fc.assert(
      fc.property(weights, (list) => {
        const backends = fakeBackends(list.length);
        const balancer = make(backends, list);
        const turn = sum(list);
        const counts = list.map(() => 0);
        for (let picks = 1; picks <= turn; picks++) {
          const index = backends.indexOf(balancer.pick() as Backend);
          counts[index] = (counts[index] ?? 0) + 1;
          list.forEach((weight, i) => {
            const due = (picks * weight) / turn;
            assert.ok(
              Math.abs((counts[i] ?? 0) - due) <= Math.max(1, list.length - 1),
              `${counts.join()} after ${picks} of ${list.join()}`,
            );
          });
        }
      }),
    );
  });

  test(`${name}: two of them do not disturb each other`, () => {
    const backends = fakeBackends(3);
    const [first, second] = [make(backends, [1, 1, 1]), make(backends, [1, 1, 1])];
    const picks: (Backend | null)[] = [];
    for (let i = 0; i < 6; i++) {
      picks.push(first.pick());
      second.pick();
      second.pick();
    }
    const alone = make(backends, [1, 1, 1]);
    assert.deepEqual(
      shares(alone, backends, 6),
      backends.map((backend) => picks.filter((picked) => picked === backend).length),
    );
  });
}
