/**
 * The routes of one host by path: a radix tree over the characters of paths and prefixes. One walk
 * along the request's path finds the deepest node; its exact candidates and the prefix candidates of
 * it and of the nodes above are all that can match.
 *
 * Built by `PathTreeBuilder`, immutable afterwards. Ranks order candidates: 0 is tried first.
 */
import { codesOf, hasCodes } from "./character-codes.ts";
import type { Predicate } from "./predicate.ts";
import type { RouteInput } from "./route-input.ts";
import type { PathKey } from "./rule-alternatives.ts";

export interface Candidate {
  readonly rank: number;
  /** What is left to test; `null`: nothing. */
  readonly condition: Predicate | null;
}

/** No candidate: worse than every rank. */
export const NO_RANK = 0x3fffffff;

/** Up to so many children are searched one by one; that is faster than halving for few. */
const MAX_LINEAR_CHILDREN = 8;

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

  constructor(draft: DraftNode, above: PathNode | null) {
    this.label = codesOf(draft.label);
    this.exact = reachable(draft.exact);
    this.prefix = reachable(draft.prefix);
    this.above = above;
    this.bestPrefix = Math.min(this.prefix[0]?.rank ?? NO_RANK, above?.bestPrefix ?? NO_RANK);
    const drafts = [...draft.children.values()].toSorted(
      (a, b) => a.label.charCodeAt(0) - b.label.charCodeAt(0),
    );
    const next = this.prefix.length > 0 ? this : above;
    this.codes = Uint16Array.from(drafts, (child) => child.label.charCodeAt(0));
    this.children = drafts.map((child) => new PathNode(child, next));
  }

  child(code: number): PathNode | undefined {
    const codes = this.codes;
    if (codes.length > MAX_LINEAR_CHILDREN) return this.children[indexOfCode(codes, code)];
    for (let i = 0; i < codes.length; i++) if (codes[i] === code) return this.children[i];
    return undefined;
  }
}

/** Index by halving; -1 when it is not there. */
function indexOfCode(codes: Uint16Array, code: number): number {
  let low = 0;
  let high = codes.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = codes[middle] as number;
    if (found === code) return middle;
    if (found < code) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** In order of rank, without those behind one that needs no test. */
function reachable(candidates: readonly Candidate[]): readonly Candidate[] {
  const sorted = candidates.toSorted((a, b) => a.rank - b.rank);
  const certain = sorted.findIndex((candidate) => candidate.condition === null);
  return certain === -1 ? sorted : sorted.slice(0, certain + 1);
}

export class PathTree {
  readonly #root: PathNode;
  /** The best rank in the tree. */
  readonly best: number;

  constructor(root: DraftNode, best: number) {
    this.#root = new PathNode(root, null);
    this.best = best;
  }

  /** The best rank that matches the request and is better than `bound`; `bound` when there is none. */
  match(request: RouteInput, bound: number): number {
    const { bytes, pathEnd } = request;
    let best = bound;
    let node = this.#root;
    let at = request.targetStart;
    while (at < pathEnd) {
      const child = node.child(bytes[at] as number);
      if (child === undefined) break;
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

/** A node while the tree is built. */
class DraftNode {
  label: string;
  exact: Candidate[] = [];
  prefix: Candidate[] = [];
  children = new Map<number, DraftNode>();

  constructor(label: string) {
    this.label = label;
  }

  /** Cuts the label after `length` characters; what this node held moves down to the part behind. */
  split(length: number): void {
    const lower = new DraftNode(this.label.slice(length));
    lower.exact = this.exact;
    lower.prefix = this.prefix;
    lower.children = this.children;
    this.label = this.label.slice(0, length);
    this.exact = [];
    this.prefix = [];
    this.children = new Map([[lower.label.charCodeAt(0), lower]]);
  }
}

export class PathTreeBuilder {
  readonly #root = new DraftNode("");
  #best: number = NO_RANK;

  /** `path` undefined: the candidate stands for every path. */
  add(path: PathKey | undefined, candidate: Candidate): void {
    const node = this.#nodeOf(path?.text ?? "");
    if (path?.exact === true) node.exact.push(candidate);
    else node.prefix.push(candidate);
    this.#best = Math.min(this.#best, candidate.rank);
  }

  build(): PathTree {
    return new PathTree(this.#root, this.#best);
  }

  #nodeOf(text: string): DraftNode {
    let node = this.#root;
    let at = 0;
    while (at < text.length) {
      let child = node.children.get(text.charCodeAt(at));
      if (child === undefined) {
        child = new DraftNode(text.slice(at));
        node.children.set(text.charCodeAt(at), child);
      }
      const common = commonLength(child.label, text, at);
      if (common < child.label.length) child.split(common);
      node = child;
      at += common;
    }
    return node;
  }
}

function commonLength(label: string, text: string, at: number): number {
  let length = 0;
  while (length < label.length && at + length < text.length && label[length] === text[at + length]) length++;
  return length;
}
