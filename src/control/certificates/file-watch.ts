/**
 * Tells when one of some files has changed: written in place, replaced by a rename, or reached through
 * another symbolic link, as mounted Kubernetes secrets are. It looks at what stands behind each path
 * every few seconds, which sees all of these alike, on every file system, without a descriptor.
 */
import type { Timers } from "../timers.ts";
import { fileSignature } from "./file-snapshot.ts";

/** Between two looks. Also how long files must be at rest: who renews a pair writes one file after the other. */
export const LOOK_INTERVAL_MS = 2_000;

export interface FileWatchOptions {
  readonly timers: Timers;
  readonly changed: () => void;
  /** Changes with the file behind a path; default: as the file system has it. */
  readonly signature?: (path: string) => Promise<string>;
}

export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #signature: (path: string) => Promise<string>;
  #paths: readonly string[] = [];
  /** What was last told of, and what the last look saw; `null`: no look yet. */
  #told: string | null = null;
  #seen: string | null = null;
  #cancel: () => void = () => {};
  /** Counts what is watched: a look that began for other paths says nothing. */
  #turn = 0;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#signature = options.signature ?? fileSignature;
  }

  /** Watches these files from now on, and no others. */
  adopt(paths: readonly string[]): void {
    if (paths.length === this.#paths.length && paths.every((path, index) => path === this.#paths[index]))
      return;
    this.stop();
    this.#paths = paths;
    this.#told = null;
    this.#seen = null;
    if (paths.length > 0) void this.#look(this.#turn);
  }

  stop(): void {
    this.#turn += 1;
    this.#cancel();
  }

  async #look(turn: number): Promise<void> {
    const signatures: string[] = [];
    for (const path of this.#paths) signatures.push(await this.#signature(path));
    if (turn !== this.#turn) return;
    const now = signatures.join("\n");
    const isAtRest = this.#seen === now;
    this.#seen = now;
    this.#told ??= now;
    if (isAtRest && this.#told !== now) {
      this.#told = now;
      this.#options.changed();
    }
    // `changed` may have led to other paths.
    if (turn !== this.#turn) return;
    this.#cancel = this.#options.timers.after(LOOK_INTERVAL_MS, () => void this.#look(turn));
  }
}
