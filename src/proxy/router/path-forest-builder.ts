/** Builds the trees of paths of one router: first as objects, then packed into the arrays that requests are matched with. */
import { codesOf } from "./character-codes.ts";
import { NO_RANK, NODE_WORDS, NodeWord, PathForest } from "./path-forest.ts";
import type { LiteralKey } from "./pattern-keys.ts";
import type { Predicate } from "./predicate.ts";
import { DraftNode } from "./radix-draft.ts";

export interface Candidate {
  /** 0 is tried first. */
  readonly rank: number;
  /** What is left to test; `null`: nothing. */
  readonly condition: Predicate | null;
}

interface Candidates {
  readonly exact: Candidate[];
  readonly prefix: Candidate[];
}

const NONE: Candidates = { exact: [], prefix: [] };

/** A tree while it is built. */
export class PathTreeDraft {
  readonly root = new DraftNode<Candidates>();
  /** The best rank in the tree. */
  best: number = NO_RANK;

  /** `path` undefined: the candidate stands for every path. */
  add(path: LiteralKey | undefined, candidate: Candidate): void {
    const node = this.root.at(path?.text ?? "");
    node.value ??= { exact: [], prefix: [] };
    (path?.exact === true ? node.value.exact : node.value.prefix).push(candidate);
    this.best = Math.min(this.best, candidate.rank);
  }
}

/** What of the nodes above bears on a node. */
interface Above {
  /** The nearest one with prefix candidates; -1: there is none. */
  readonly node: number;
  readonly bestPrefix: number;
  /** The best rank that takes every request which gets there. */
  readonly certain: number;
}

const TOP: Above = { node: -1, bestPrefix: NO_RANK, certain: NO_RANK };

export class PathForestBuilder {
  readonly #nodes: number[] = [];
  readonly #firstCodes: number[] = [];
  readonly #labels: number[] = [];
  /** The empty list stands first. */
  readonly #candidates: number[] = [NO_RANK, -1];
  readonly #conditions: Predicate[] = [];

  /** Takes the tree in, and returns its root, by which it is matched. */
  add({ root }: PathTreeDraft): number {
    // Nothing can match at a root that only leads on: the walk begins below it.
    const [only, ...others] = root.children();
    const start = root.value === undefined && only !== undefined && others.length === 0 ? only : root;
    const index = this.#reserve([start]);
    this.#fill(index, start, TOP);
    return index;
  }

  build(): PathForest {
    return new PathForest({
      nodes: Int32Array.from(this.#nodes),
      firstCodes: Uint16Array.from(this.#firstCodes),
      labels: Uint16Array.from(this.#labels),
      candidates: Int32Array.from(this.#candidates),
      conditions: this.#conditions,
    });
  }

  /** Room for the nodes, side by side; returns the first one. */
  #reserve(drafts: readonly DraftNode<Candidates>[]): number {
    const first = this.#firstCodes.length;
    for (const { label } of drafts) {
      this.#firstCodes.push(label === "" ? 0 : label.charCodeAt(0));
      for (let i = 0; i < NODE_WORDS; i++) this.#nodes.push(0);
    }
    return first;
  }

  #fill(index: number, draft: DraftNode<Candidates>, above: Above): void {
    const candidates = draft.value ?? NONE;
    const prefix = reachable(candidates.prefix, above.certain);
    const bestPrefix = Math.min(prefix[0]?.rank ?? NO_RANK, above.bestPrefix);
    const certain = Math.min(above.certain, certainRank(prefix));
    const children = draft.children();
    const firstChild = this.#reserve(children);
    const labelStart = this.#labels.length;
    for (const code of codesOf(draft.label)) this.#labels.push(code);
    this.#set(index, NodeWord.labelStart, labelStart);
    this.#set(index, NodeWord.labelEnd, this.#labels.length);
    this.#set(index, NodeWord.firstChild, firstChild);
    this.#set(index, NodeWord.endChild, firstChild + children.length);
    this.#set(index, NodeWord.exact, this.#list(reachable(candidates.exact, certain)));
    this.#set(index, NodeWord.prefix, this.#list(prefix));
    this.#set(index, NodeWord.above, above.node);
    this.#set(index, NodeWord.bestPrefix, bestPrefix);
    const next: Above = { node: prefix.length > 0 ? index : above.node, bestPrefix, certain };
    children.forEach((child, position) => this.#fill(firstChild + position, child, next));
  }

  #set(index: number, word: number, value: number): void {
    this.#nodes[index * NODE_WORDS + word] = value;
  }

  #list(candidates: readonly Candidate[]): number {
    if (candidates.length === 0) return 0;
    const start = this.#candidates.length;
    for (const { rank, condition } of candidates) {
      this.#candidates.push(rank, condition === null ? -1 : this.#conditions.push(condition) - 1);
    }
    this.#candidates.push(NO_RANK, -1);
    return start;
  }
}

/** In order of rank, without those behind one that needs no test, here or above. */
function reachable(candidates: readonly Candidate[], certain: number): readonly Candidate[] {
  const sorted = candidates.filter(({ rank }) => rank < certain).sort((a, b) => a.rank - b.rank);
  const last = sorted.findIndex((candidate) => candidate.condition === null);
  return last === -1 ? sorted : sorted.slice(0, last + 1);
}

/** Of the candidate that needs no test, which can only be the last one. */
function certainRank(candidates: readonly Candidate[]): number {
  const last = candidates.at(-1);
  return last === undefined || last.condition !== null ? NO_RANK : last.rank;
}
