/**
 * The routes of one host by path: a radix tree over the characters of paths and prefixes. One walk
 * along the request's path finds the deepest node; its exact candidates and the prefix candidates of
 * it and of the nodes above are all that can match.
 *
 * Built by `PathTreeBuilder`, immutable afterwards. Ranks order candidates: 0 is tried first.
 */
import { codesOf, hasCodes } from "./character-codes.ts";
import { indexOfCode } from "./child-index.ts";
import type { LiteralKey } from "./pattern-keys.ts";
import type { Predicate } from "./predicate.ts";
import { DraftNode } from "./radix-draft.ts";
import type { RouteInput } from "./route-input.ts";

export interface Candidate {
  readonly rank: number;
  /** What is left to test; `null`: nothing. */
  readonly condition: Predicate | null;
}

/** No candidate: worse than every rank. */
export const NO_RANK = 0x3fffffff;

interface Candidates {
  readonly exact: Candidate[];
  readonly prefix: Candidate[];
}

const NONE: Candidates = { exact: [], prefix: [] };

class PathNode {
  readonly label: Uint16Array;
  readonly exact: readonly Candidate[];
  readonly prefix: readonly Candidate[];
  /** First characters of the children's labels, ascending. */
  readonly codes: Uint16Array;
  readonly children: readonly PathNode[];
  /** The nearest node above that has prefix candidates. */
  readonly above: PathNode | null;
  /** The best rank of the prefix candidates here and above. */
  readonly bestPrefix: number;

  /** `bound`: the best rank above that takes every request which gets there. */
  constructor(draft: DraftNode<Candidates>, above: PathNode | null, bound: number) {
    const { exact, prefix } = draft.value ?? NONE;
    this.label = codesOf(draft.label);
    this.prefix = reachable(prefix, bound);
    const inner = Math.min(bound, certainRank(this.prefix));
    this.exact = reachable(exact, inner);
    this.above = above;
    this.bestPrefix = Math.min(this.prefix[0]?.rank ?? NO_RANK, above?.bestPrefix ?? NO_RANK);
    const drafts = draft.children();
    const next = this.prefix.length > 0 ? this : above;
    this.codes = Uint16Array.from(drafts, (child) => child.label.charCodeAt(0));
    this.children = drafts.map((child) => new PathNode(child, next, inner));
  }
}

/** In order of rank, without those behind one that needs no test, here or above. */
function reachable(candidates: readonly Candidate[], bound: number): readonly Candidate[] {
  const sorted = candidates.filter(({ rank }) => rank < bound).sort((a, b) => a.rank - b.rank);
  const certain = sorted.findIndex((candidate) => candidate.condition === null);
  return certain === -1 ? sorted : sorted.slice(0, certain + 1);
}

/** Of the candidate that needs no test, which can only be the last one. */
function certainRank(candidates: readonly Candidate[]): number {
  const last = candidates.at(-1);
  return last === undefined || last.condition !== null ? NO_RANK : last.rank;
}

export class PathTree {
  readonly #root: PathNode;
  /** The best rank in the tree. */
  readonly best: number;

  constructor(root: DraftNode<Candidates>, best: number) {
    this.#root = new PathNode(root, null, NO_RANK);
    this.best = best;
  }

  /** The best rank that matches the request and is better than `bound`; `bound` when there is none. */
  match(request: RouteInput, bound: number): number {
    const { bytes, pathEnd } = request;
    let best = bound;
    let node = this.#root;
    let at = request.targetStart;
    while (at < pathEnd) {
      const index = indexOfCode(node.codes, bytes[at] as number);
      if (index === -1) break;
      const child = node.children[index] as PathNode;
      const { label } = child;
      if (pathEnd - at < label.length || !hasCodes(bytes, at, label)) break;
      at += label.length;
      node = child;
    }
    if (at === pathEnd) best = firstMatch(node.exact, request, best);
    let holder: PathNode | null = node;
    while (holder !== null && holder.bestPrefix < best) {
      best = firstMatch(holder.prefix, request, best);
      holder = holder.above;
    }
    return best;
  }
}

function firstMatch(candidates: readonly Candidate[], request: RouteInput, bound: number): number {
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i] as Candidate;
    if (candidate.rank >= bound) return bound;
    if (candidate.condition === null || candidate.condition.matches(request)) return candidate.rank;
  }
  return bound;
}

export class PathTreeBuilder {
  readonly #root = new DraftNode<Candidates>();
  #best: number = NO_RANK;

  /** `path` undefined: the candidate stands for every path. */
  add(path: LiteralKey | undefined, candidate: Candidate): void {
    const node = this.#root.at(path?.text ?? "");
    node.value ??= { exact: [], prefix: [] };
    (path?.exact === true ? node.value.exact : node.value.prefix).push(candidate);
    this.#best = Math.min(this.#best, candidate.rank);
  }

  build(): PathTree {
    return new PathTree(this.#root, this.#best);
  }
}
