/**
 * The trees of paths of one router, each a radix tree over the characters of paths and prefixes. One walk
 * along the request's path finds the deepest node; its exact candidates and the prefix candidates of it and
 * of the nodes above are all that can match.
 *
 * All trees lie in a few arrays of numbers, made by `PathForestBuilder` and immutable afterwards: with
 * thousands of routes a match costs what it has to fetch from memory, and this is little and lies together.
 */
import type { Predicate } from "./predicate.ts";
import type { RouteInput } from "./route-input.ts";

/** No candidate: worse than every rank. */
export const NO_RANK = 0x3fffffff;

/** Words of a node, and which is which. */
export const NODE_WORDS = 8;
export const NodeWord = {
  /** Of its label, into `labels`. */
  labelStart: 0,
  labelEnd: 1,
  /** Nodes with its children, in the order of their first characters. */
  firstChild: 2,
  endChild: 3,
  /** Lists of candidates, into `candidates`. */
  exact: 4,
  prefix: 5,
  /** The nearest node above that has prefix candidates; -1: there is none. */
  above: 6,
  /** The best rank of the prefix candidates here and above. */
  bestPrefix: 7,
} as const;

/** Words of a candidate: its rank, and the index of what is left to test; -1: nothing. */
export const CANDIDATE_WORDS = 2;

/** Up to so many children are searched one by one; that is faster than halving for few. */
const MAX_LINEAR = 8;

export interface ForestParts {
  readonly nodes: Int32Array;
  /** By node: the first character of its label. */
  readonly firstCodes: Uint16Array;
  readonly labels: Uint16Array;
  /** Lists in order of rank, each ended by `NO_RANK`. */
  readonly candidates: Int32Array;
  readonly conditions: readonly Predicate[];
}

export class PathForest {
  readonly #nodes: Int32Array;
  readonly #firstCodes: Uint16Array;
  readonly #labels: Uint16Array;
  readonly #candidates: Int32Array;
  readonly #conditions: readonly Predicate[];

  constructor({ nodes, firstCodes, labels, candidates, conditions }: ForestParts) {
    this.#nodes = nodes;
    this.#firstCodes = firstCodes;
    this.#labels = labels;
    this.#candidates = candidates;
    this.#conditions = conditions;
  }

  /** The best rank in the tree that matches the request and is better than `bound`; `bound` when there is none. */
  match(root: number, request: RouteInput, bound: number): number {
    const nodes = this.#nodes;
    const { bytes, pathEnd } = request;
    let best = bound;
    let node = -1;
    let next = root;
    let at = request.targetStart;
    while (next !== -1) {
      const end = this.#labelEnd(next, bytes, at, pathEnd);
      if (end === -1) break;
      node = next;
      at = end;
      next = at === pathEnd ? -1 : this.#childOf(node, bytes[at] as number);
    }
    if (node === -1) return bound;
    if (at === pathEnd)
      best = this.#first(nodes[node * NODE_WORDS + NodeWord.exact] as number, request, best);
    while (node !== -1 && (nodes[node * NODE_WORDS + NodeWord.bestPrefix] as number) < best) {
      best = this.#first(nodes[node * NODE_WORDS + NodeWord.prefix] as number, request, best);
      node = nodes[node * NODE_WORDS + NodeWord.above] as number;
    }
    return best;
  }

  /** Where the node's label ends in the path, which is at `at`; -1: the path goes another way. */
  #labelEnd(node: number, bytes: Uint8Array, at: number, pathEnd: number): number {
    const labels = this.#labels;
    const end = this.#nodes[node * NODE_WORDS + NodeWord.labelEnd] as number;
    let position = at;
    let label = this.#nodes[node * NODE_WORDS + NodeWord.labelStart] as number;
    if (pathEnd - at < end - label) return -1;
    for (; label < end; label++) if (bytes[position++] !== labels[label]) return -1;
    return position;
  }

  #childOf(node: number, code: number): number {
    const codes = this.#firstCodes;
    let low = this.#nodes[node * NODE_WORDS + NodeWord.firstChild] as number;
    let high = this.#nodes[node * NODE_WORDS + NodeWord.endChild] as number;
    while (high - low > MAX_LINEAR) {
      const middle = (low + high) >> 1;
      if ((codes[middle] as number) > code) high = middle;
      else low = middle;
    }
    for (; low < high; low++) if (codes[low] === code) return low;
    return -1;
  }

  /** The rank of the first candidate of a list that matches; `bound` when none better matches. */
  #first(list: number, request: RouteInput, bound: number): number {
    const candidates = this.#candidates;
    for (let i = list; ; i += CANDIDATE_WORDS) {
      const rank = candidates[i] as number;
      if (rank >= bound) return bound;
      const condition = candidates[i + 1] as number;
      if (condition === -1 || (this.#conditions[condition] as Predicate).matches(request)) return rank;
    }
  }
}
