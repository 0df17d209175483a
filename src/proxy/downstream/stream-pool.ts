/** Streams of one listener that wait to be used again, so that a busy worker allocates nothing for a request. */
import { H3Scratch } from "../../wire/h3/h3-scratch.ts";
import type { WorkerContext } from "../worker-context.ts";
import { DownstreamStream } from "./downstream-stream.ts";

/** Streams kept for reuse; beyond that they are garbage. About 8 KiB each. */
const MAX_KEPT_STREAMS = 1024;

export class StreamPool {
  readonly #context: WorkerContext;
  readonly #kept: DownstreamStream[] = [];
  #h3Scratch: H3Scratch | null = null;

  constructor(context: WorkerContext) {
    this.#context = context;
  }

  /** For all connections of HTTP/3 whose streams come from here. */
  get h3Scratch(): H3Scratch {
    return (this.#h3Scratch ??= new H3Scratch());
  }

  take(): DownstreamStream {
    return this.#kept.pop() ?? new DownstreamStream(this.#context);
  }

  give(stream: DownstreamStream): void {
    if (this.#kept.length < MAX_KEPT_STREAMS) this.#kept.push(stream);
    else stream.retire();
  }
}
