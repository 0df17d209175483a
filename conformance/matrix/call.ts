/**
 * One exchange of a client, whatever its version of HTTP: what is asked, and what comes back. `call-h1.ts`
 * and `call-h2.ts` do it on node:http and node:http2.
 */
import type { Readable } from "node:stream";
import { Digest } from "./digest.ts";
import { within } from "../../test/support/wait-for.ts";

export interface Ask {
  /** Default: GET. */
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** True: the caller writes a body. With `content-length` in the headers its length is known. */
  readonly body?: boolean;
  /** Sent behind the body. */
  readonly trailers?: Readonly<Record<string, string>>;
  /** True: nothing of the answer's body is read until `read` or `readSlowly` is called. */
  readonly stopped?: boolean;
}

export type Fields = Readonly<Record<string, string | string[] | undefined>>;

/** A body comes no slower than this, unless it hangs. */
const OVER_TIMEOUT_MS = 15_000;
const HEAD_TIMEOUT_MS = 10_000;

/** A slow reader takes so much and then rests. */
const SIP_BYTES = 256 * 1024;
const REST_MS = 2;

export abstract class Call {
  /** Statuses of 1xx answers. */
  readonly informational: number[] = [];
  /** `Link` of the last of them. */
  hint = "";
  status = 0;
  headers: Fields = {};
  trailers: Fields = {};
  readonly body = new Digest();
  /** The first octets of the body, as text. */
  text = "";
  outcome: "open" | "whole" | "cut" = "open";
  /** Code of the reset, or of the error of the connection. */
  cutBy: number | string = "";
  readonly #head = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  readonly #continue = Promise.withResolvers<void>();
  readonly #stopped: boolean;
  #source: Readable | undefined;

  constructor(ask: Ask) {
    this.#stopped = ask.stopped === true;
  }

  /** False: the receiver is behind. */
  abstract write(part: Buffer): boolean;
  abstract end(part?: Buffer): void;
  /** Leaves without waiting for the answer: a reset. */
  abstract abort(): void;
  /** Octets that were written and wait here. */
  abstract get unsent(): number;

  async head(): Promise<this> {
    await within(`the head of an answer (${this.cutBy})`, HEAD_TIMEOUT_MS, this.#head.promise);
    return this;
  }

  async over(): Promise<this> {
    await within("the end of an answer", OVER_TIMEOUT_MS, this.#over.promise);
    return this;
  }

  async continued(): Promise<void> {
    await within("100 Continue", HEAD_TIMEOUT_MS, this.#continue.promise);
  }

  read(): void {
    this.#source?.on("data", (part: Buffer) => this.#take(part));
  }

  readSlowly(): void {
    const source = this.#source;
    let sip = 0;
    source?.on("data", (part: Buffer) => {
      this.#take(part);
      sip += part.length;
      if (sip < SIP_BYTES) return;
      sip = 0;
      source.pause();
      setTimeout(() => source.resume(), REST_MS);
    });
  }

  protected informed(status: number, link: string): void {
    this.informational.push(status);
    if (link !== "") this.hint = link;
    if (status === 100) this.#continue.resolve();
  }

  protected answered(status: number, headers: Fields, source: Readable): void {
    this.status = status;
    this.headers = headers;
    this.#source = source;
    if (!this.#stopped) this.read();
    this.#head.resolve();
  }

  protected finish(outcome: "whole" | "cut", cutBy: number | string): void {
    if (this.outcome !== "open") return;
    this.outcome = outcome;
    this.cutBy = cutBy;
    // Whoever waits for a head learns of the end by the status, which is 0.
    this.#head.resolve();
    this.#over.resolve();
  }

  #take(part: Buffer): void {
    this.body.add(part);
    if (this.text.length < 100) this.text += part.toString("latin1", 0, 100);
  }
}
