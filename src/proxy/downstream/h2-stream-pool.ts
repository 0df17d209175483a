/** Streams of one listener that wait to be used again, so that a busy worker allocates nothing for a request. */
import type { WorkerContext } from "../worker-context.ts";
import { DownstreamH2Stream } from "./downstream-h2-stream.ts";

/** Streams kept for reuse; beyond that they are garbage. About 8 KiB each. */
const MAX_KEPT_STREAMS = 1024;

export class H2StreamPool {
  readonly #context: WorkerContext;
  readonly #kept: DownstreamH2Stream[] = [];

  constructor(context: WorkerContext) {
    this.#context = context;
  }

  take(): DownstreamH2Stream {
    return this.#kept.pop() ?? new DownstreamH2Stream(this.#context);
  }

  give(stream: DownstreamH2Stream): void {
    if (this.#kept.length < MAX_KEPT_STREAMS) this.#kept.push(stream);
    else stream.retire();
  }
}
