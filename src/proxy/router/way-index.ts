/**
 * The ways in which routes can match, by the host and the path that they ask for: who asks which of them
 * takes all that another way takes compares it with those of the same host and path and of what lies around
 * them, not with all.
 */
import type { LiteralKey } from "./pattern-keys.ts";
import type { Alternative } from "./rule-alternatives.ts";
import type { RuleLogic } from "./rule-logic.ts";

/** No route. Names are never empty. */
export const NO_NAME = "";

/** Comparisons that are left, of all listeners together: files of ten thousand routes are checked in a moment. */
export interface CompareBudget {
  left: number;
}

/** What running a regular expression costs, in comparisons. */
const PATTERN_COST = 20;

interface Way {
  readonly name: string;
  readonly rest: Alternative["rest"];
}

/** Values under whole texts, and under parts of texts (prefixes or ends). */
class KeyTable<Value> {
  readonly exact = new Map<string, Value>();
  readonly part = new Map<string, Value>();
  /** Lengths that occur among the parts. */
  readonly lengths = new Set<number>();

  at(key: LiteralKey | undefined, make: () => Value): Value {
    const { exact, text } = key ?? { exact: false, text: "" };
    const table = exact ? this.exact : this.part;
    let value = table.get(text);
    if (value === undefined) {
      value = make();
      table.set(text, value);
      if (!exact) this.lengths.add(text.length);
    }
    return value;
  }
}

export class WayIndex {
  readonly #logic: RuleLogic;
  readonly #budget: CompareBudget;
  readonly #hosts = new KeyTable<KeyTable<Way[]>>();

  constructor(logic: RuleLogic, budget: CompareBudget) {
    this.#logic = logic;
    this.#budget = budget;
  }

  add(name: string, { host, path, rest }: Alternative): void {
    const paths = this.#hosts.at(host, () => new KeyTable<Way[]>());
    paths.at(path, () => []).push({ name, rest });
  }

  /** The name of a route with a way that takes all that this one takes; `NO_NAME`: none is known. */
  coveringOf(way: Alternative): string {
    for (const paths of around(this.#hosts, way.host, endOf, this.#budget)) {
      for (const ways of around(paths, way.path, startOf, this.#budget)) {
        const found = this.#coveringIn(ways, way);
        if (found !== NO_NAME) return found;
      }
    }
    return NO_NAME;
  }

  #coveringIn(ways: readonly Way[], known: Alternative): string {
    for (const { name, rest } of ways) {
      if (this.#budget.left <= 0) return NO_NAME;
      const testedBefore = this.#logic.tested;
      const covers = rest.every((node) => this.#logic.implies(known, node));
      this.#budget.left -= 1 + PATTERN_COST * (this.#logic.tested - testedBefore);
      if (covers) return name;
    }
    return NO_NAME;
  }
}

function startOf(text: string, length: number): string {
  return text.slice(0, length);
}

function endOf(text: string, length: number): string {
  return text.slice(text.length - length);
}

/** The values of all keys that whoever has this key has, too. */
function* around<Value>(
  { exact, part, lengths }: KeyTable<Value>,
  key: LiteralKey | undefined,
  partOf: (text: string, length: number) => string,
  budget: CompareBudget,
): Generator<Value> {
  const { text, exact: isExact } = key ?? { text: "", exact: false };
  const same = isExact ? exact.get(text) : undefined;
  if (same !== undefined) yield same;
  for (const length of lengths) {
    if (length > text.length) continue;
    budget.left--;
    const value = part.get(partOf(text, length));
    if (value !== undefined) yield value;
  }
}
