/**
 * Runs one kind of work at a time. Requests that come while it runs share one more run, which starts
 * when it has ended: ten SIGHUPs during a reload make one reload, and none is lost. Of their
 * arguments the last one counts.
 */
export class Coalescer<A, R> {
  readonly #work: (argument: A) => Promise<R>;
  #running: Promise<unknown> | null = null;
  #next: { argument: A; readonly result: Promise<R> } | null = null;

  constructor(work: (argument: A) => Promise<R>) {
    this.#work = work;
  }

  /** The outcome of the run that answers this request. */
  request(argument: A): Promise<R> {
    if (this.#next !== null) {
      this.#next.argument = argument;
      return this.#next.result;
    }
    if (this.#running === null) return this.#run(argument);
    const next = { argument, result: this.#running.then(() => this.#runNext()) };
    this.#next = next;
    return next.result;
  }

  #runNext(): Promise<R> {
    const { argument } = this.#next as { argument: A };
    this.#next = null;
    return this.#run(argument);
  }

  #run(argument: A): Promise<R> {
    const run = this.#work(argument);
    const settled: Promise<void> = run.then(
      () => this.#settle(settled),
      () => this.#settle(settled),
    );
    this.#running = settled;
    return run;
  }

  #settle(settled: Promise<void>): void {
    if (this.#running === settled) this.#running = null;
  }
}
