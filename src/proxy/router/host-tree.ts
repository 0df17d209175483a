/**
 * The trees of paths by the end of the host: a radix tree over the characters of hosts, read from their
 * ends. One walk finds the deepest node; the trees of it and of the nodes above are those of the endings
 * that the host has. The root is that of every host.
 *
 * Built by `HostTreeBuilder` from what the rules ask of hosts besides exact ones; immutable afterwards.
 */
import { codesOf } from "./character-codes.ts";
import { indexOfCode } from "./child-index.ts";
import { NO_RANK, type PathTree, PathTreeBuilder } from "./path-tree.ts";
import { DraftNode } from "./radix-draft.ts";
import type { RouteInput } from "./route-input.ts";

class HostNode {
  /** From the end of the host towards its beginning. */
  readonly label: Uint16Array;
  /** First characters of the children's labels, ascending. */
  readonly codes: Uint16Array;
  readonly children: readonly HostNode[];
  /** `null`: no rule has just this ending. */
  readonly paths: PathTree | null;
  /** The nearest node above that has paths. */
  readonly above: HostNode | null;
  /** The best rank here and above. */
  readonly best: number;

  constructor(draft: DraftNode<PathTreeBuilder>, above: HostNode | null) {
    const drafts = draft.children();
    this.label = codesOf(draft.label);
    this.paths = draft.value?.build() ?? null;
    this.above = above;
    this.best = Math.min(this.paths?.best ?? NO_RANK, above?.best ?? NO_RANK);
    const next = this.paths === null ? above : this;
    this.codes = Uint16Array.from(drafts, (child) => child.label.charCodeAt(0));
    this.children = drafts.map((child) => new HostNode(child, next));
  }
}

export class HostTree {
  readonly #root: HostNode;

  constructor(root: DraftNode<PathTreeBuilder>) {
    this.#root = new HostNode(root, null);
  }

  /** The best rank that matches the request and is better than `bound`; `bound` when there is none. */
  match(request: RouteInput, bound: number): number {
    let best = bound;
    let holder: HostNode | null = this.#root.codes.length === 0 ? this.#root : this.#deepest(request.host);
    while (holder !== null && holder.best < best) {
      if (holder.paths !== null && holder.paths.best < best) best = holder.paths.match(request, best);
      holder = holder.above;
    }
    return best;
  }

  #deepest(host: string): HostNode {
    let node = this.#root;
    let left = host.length;
    while (left > 0) {
      const index = indexOfCode(node.codes, host.charCodeAt(left - 1));
      if (index === -1) break;
      const child = node.children[index] as HostNode;
      if (!endsWithCodes(host, left, child.label)) break;
      left -= child.label.length;
      node = child;
    }
    return node;
  }
}

/** Whether the characters before `end`, read backwards, are these. */
function endsWithCodes(text: string, end: number, codes: Uint16Array): boolean {
  if (codes.length > end) return false;
  for (let i = 0; i < codes.length; i++) if (text.charCodeAt(end - 1 - i) !== codes[i]) return false;
  return true;
}

export class HostTreeBuilder {
  readonly #root = new DraftNode<PathTreeBuilder>();

  /** The paths of hosts that end so; all hosts end with nothing. */
  paths(ending: string): PathTreeBuilder {
    const node = this.#root.at(ending.split("").toReversed().join(""));
    node.value ??= new PathTreeBuilder();
    return node.value;
  }

  build(): HostTree {
    return new HostTree(this.#root);
  }
}
