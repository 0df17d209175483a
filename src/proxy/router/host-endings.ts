/**
 * The trees of paths by the end of the host, from one of its dots on: what wildcard hosts are looked up by.
 * One walk over the host from its end hashes it, and asks a table at every dot.
 *
 * Built from what the rules ask of hosts besides exact ones; immutable afterwards.
 */
import { NO_RANK, type PathTree } from "./path-tree.ts";
import type { RouteInput } from "./route-input.ts";

const DOT = 0x2e;

/** FNV-1a, over the characters from the last one to the first. */
const HASH_SEED = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

/** Places for each ending: few of them lie beside each other by chance. */
const SPACE = 4;

export class HostEndings {
  /** The best rank of all. */
  readonly best: number;
  readonly #texts: readonly string[];
  readonly #trees: readonly PathTree[];
  /** In each place the hash of an ending, and its index plus 1; 0: nobody. */
  readonly #table: Int32Array;
  readonly #mask: number;

  /** All endings begin with a dot. */
  constructor(trees: ReadonlyMap<string, PathTree>) {
    this.#texts = [...trees.keys()];
    this.#trees = [...trees.values()];
    this.best = this.#trees.reduce((best, tree) => Math.min(best, tree.best), NO_RANK);
    const places = 2 ** Math.ceil(Math.log2(this.#texts.length * SPACE + 1));
    this.#mask = places - 1;
    this.#table = new Int32Array(places * 2);
    this.#texts.forEach((text, index) => this.#put(hashOf(text), index));
  }

  #put(hash: number, index: number): void {
    let place = hash & this.#mask;
    while (this.#table[place * 2 + 1] !== 0) place = (place + 1) & this.#mask;
    this.#table[place * 2] = hash;
    this.#table[place * 2 + 1] = index + 1;
  }

  /** The best rank that matches the request and is better than `bound`; `bound` when there is none. */
  match(request: RouteInput, bound: number): number {
    const { host } = request;
    let best = bound;
    let hash = HASH_SEED;
    for (let at = host.length - 1; at >= 0; at--) {
      const code = host.charCodeAt(at);
      hash = Math.imul(hash ^ code, HASH_PRIME);
      if (code !== DOT) continue;
      const index = this.#find(hash, host, at);
      if (index === -1) continue;
      const tree = this.#trees[index] as PathTree;
      if (tree.best < best) best = tree.match(request, best);
    }
    return best;
  }

  /** Index of the ending that the host has from `at` on; -1: there is none. */
  #find(hash: number, host: string, at: number): number {
    const table = this.#table;
    const mask = this.#mask;
    let place = hash & mask;
    for (;;) {
      const index = (table[place * 2 + 1] as number) - 1;
      if (index === -1) return -1;
      if (table[place * 2] === hash) {
        const text = this.#texts[index] as string;
        if (host.length - at === text.length && host.endsWith(text)) return index;
      }
      place = (place + 1) & mask;
    }
  }
}

/** As `match` reckons it. */
function hashOf(text: string): number {
  let hash = HASH_SEED;
  for (let at = text.length - 1; at >= 0; at--) hash = Math.imul(hash ^ text.charCodeAt(at), HASH_PRIME);
  return hash;
}
