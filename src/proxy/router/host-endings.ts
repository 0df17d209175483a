/**
 * The trees of paths by the end of the host, from one of its dots on: what wildcard hosts are looked up by.
 * One walk over the host from its end hashes it, and asks a table at every dot.
 *
 * Built from what the rules ask of hosts besides exact ones; immutable afterwards.
 */
import { NO_RANK, type PathForest } from "./path-forest.ts";
import type { RouteInput } from "./route-input.ts";

const DOT = 0x2e;

/** FNV-1a, over the characters from the last one to the first. */
const HASH_SEED = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

/** Places for each ending: few of them lie beside each other by chance. */
const SPACE = 4;

/** Words of a place: the hash of an ending, its index plus 1 (0: nobody), the root of its tree, the best rank there. */
const PLACE_WORDS = 4;

export interface EndingTree {
  /** Begins with a dot. */
  readonly ending: string;
  readonly root: number;
  /** The best rank in the tree. */
  readonly best: number;
}

export class HostEndings {
  /** The best rank of all. */
  readonly best: number;
  readonly #forest: PathForest;
  readonly #texts: readonly string[];
  readonly #table: Int32Array;
  readonly #mask: number;

  constructor(forest: PathForest, trees: readonly EndingTree[]) {
    this.best = trees.reduce((best, tree) => Math.min(best, tree.best), NO_RANK);
    this.#forest = forest;
    this.#texts = trees.map(({ ending }) => ending);
    const places = 2 ** Math.ceil(Math.log2(trees.length * SPACE + 1));
    this.#mask = places - 1;
    this.#table = new Int32Array(places * PLACE_WORDS);
    trees.forEach((tree, index) => this.#put(tree, index));
  }

  #put({ ending, root, best }: EndingTree, index: number): void {
    const hash = hashOf(ending);
    let place = hash & this.#mask;
    while (this.#table[place * PLACE_WORDS + 1] !== 0) place = (place + 1) & this.#mask;
    this.#table.set([hash, index + 1, root, best], place * PLACE_WORDS);
  }

  /** The best rank that matches the request and is better than `bound`; `bound` when there is none. */
  match(request: RouteInput, bound: number): number {
    const { host } = request;
    const table = this.#table;
    let best = bound;
    let hash = HASH_SEED;
    for (let at = host.length - 1; at >= 0; at--) {
      const code = host.charCodeAt(at);
      hash = Math.imul(hash ^ code, HASH_PRIME);
      if (code !== DOT) continue;
      const words = this.#find(hash, host, at);
      if (words === -1 || (table[words + 3] as number) >= best) continue;
      best = this.#forest.match(table[words + 2] as number, request, best);
    }
    return best;
  }

  /** Where the place of the ending begins that the host has from `at` on; -1: there is none. */
  #find(hash: number, host: string, at: number): number {
    const table = this.#table;
    for (let place = hash & this.#mask; ; place = (place + 1) & this.#mask) {
      const words = place * PLACE_WORDS;
      const index = (table[words + 1] as number) - 1;
      if (index === -1) return -1;
      if (table[words] !== hash) continue;
      const text = this.#texts[index] as string;
      if (host.length - at === text.length && host.endsWith(text)) return words;
    }
  }
}

/** As `match` reckons it. */
function hashOf(text: string): number {
  let hash = HASH_SEED;
  for (let at = text.length - 1; at >= 0; at--) hash = Math.imul(hash ^ text.charCodeAt(at), HASH_PRIME);
  return hash;
}
