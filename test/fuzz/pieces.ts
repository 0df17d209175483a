/** What targets have in common: how an input is cut, and that a throw is a finding. */
import type { Random } from "./random.ts";

/** Sizes of pieces: all of one size, or mixed. */
export function pieces(random: Random): number[] {
  if (random.once(3)) return [1];
  return Array.from({ length: 1 + random.below(6) }, () => 1 + random.below(random.pick([3, 40, 400])));
}

/** What the check says is wrong, or what it threw. */
export function caught(check: () => string | undefined): string | undefined {
  try {
    return check();
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}
