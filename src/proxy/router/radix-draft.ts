/**
 * A radix tree while it is built: texts that begin alike share the nodes of their common part. The trees
 * of paths and of hosts are made from it; they are what requests walk along.
 */

export class DraftNode<Value> {
  /** Characters between the node above and this one. */
  label: string;
  value: Value | undefined;
  #children = new Map<number, DraftNode<Value>>();

  constructor(label = "") {
    this.label = label;
  }

  /** In the order of their first characters, which all differ. */
  children(): readonly DraftNode<Value>[] {
    return [...this.#children.values()].toSorted((a, b) => a.label.charCodeAt(0) - b.label.charCodeAt(0));
  }

  /** The node that stands for the text, made when it is not there. */
  at(text: string): DraftNode<Value> {
    if (text === "") return this;
    let node = this.#next(text, 0);
    let at = node.label.length;
    while (at < text.length) {
      node = node.#next(text, at);
      at += node.label.length;
    }
    return node;
  }

  /** The child along `text` from `at`, cut where the two part. */
  #next(text: string, at: number): DraftNode<Value> {
    const code = text.charCodeAt(at);
    let child = this.#children.get(code);
    if (child === undefined) {
      child = new DraftNode(text.slice(at));
      this.#children.set(code, child);
      return child;
    }
    const common = commonLength(child.label, text, at);
    if (common < child.label.length) child.#split(common);
    return child;
  }

  /** Cuts the label after `length` characters; what this node held moves down to the part behind. */
  #split(length: number): void {
    const lower = new DraftNode<Value>(this.label.slice(length));
    lower.value = this.value;
    lower.#children = this.#children;
    this.label = this.label.slice(0, length);
    this.value = undefined;
    this.#children = new Map([[lower.label.charCodeAt(0), lower]]);
  }
}

function commonLength(label: string, text: string, at: number): number {
  let length = 0;
  while (length < label.length && at + length < text.length && label[length] === text[at + length]) length++;
  return length;
}
