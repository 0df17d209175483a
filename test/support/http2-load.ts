/**
 * A closed-loop load client on node:http2: sessions with a number of streams each, one request after the
 * other on each of them. A request that the gateway says it has not processed (REFUSED_STREAM, or above the
 * last stream of a GOAWAY) is sent again, as RFC 9113 section 8.7 tells a client to, and counted as
 * `retried`; everything else that is not a whole 200 is `failed`.
 */
import { once } from "node:events";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { HOST } from "./addresses.ts";
import { waitFor, within } from "./wait-for.ts";

export interface Http2LoadOptions {
  readonly port: number;
  readonly sessions: number;
  /** Requests at once on each. */
  readonly streams: number;
  readonly tls?: boolean;
  /** Pause after each answer; keeps a test's load from taking the whole machine. */
  readonly thinkMs?: number;
}

/** An answer takes longer than this only when it hangs. */
const ANSWER_TIMEOUT_MS = 15_000;

type Outcome = "ok" | "unprocessed" | { readonly reason: string };

export class Http2Load {
  ok = 0;
  failed = 0;
  retried = 0;
  /** Sessions opened. */
  opened = 0;
  readonly reasons = new Map<string, number>();
  readonly #options: Http2LoadOptions;
  readonly #runs: Promise<void>[] = [];
  #stopping = false;
  #reconnect = true;

  static start(options: Http2LoadOptions): Http2Load {
    return new Http2Load(options);
  }

  private constructor(options: Http2LoadOptions) {
    this.#options = options;
    for (let i = 0; i < options.sessions; i++) this.#runs.push(this.#run());
  }

  /** Waits until `count` more requests were answered. */
  async served(count: number, timeoutMs = 30_000): Promise<void> {
    const goal = this.ok + count;
    await waitFor(`${count} more answers (${this.summary()})`, () => this.ok >= goal, { timeoutMs });
  }

  /** No new session from now on: what a balancer does after /readyz said 503. */
  stopConnecting(): void {
    this.#reconnect = false;
  }

  /** Finishes what is in flight and stops. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.ended();
  }

  /** Waits until every session has ended by itself, after `stopConnecting`. */
  async ended(): Promise<void> {
    await within(
      `the sessions to end (${this.summary()})`,
      ANSWER_TIMEOUT_MS + 5000,
      Promise.all(this.#runs),
    );
  }

  summary(): string {
    const reasons = [...this.reasons].map(([reason, count]) => `${reason}: ${count}`).join("; ");
    return `${this.ok} ok, ${this.failed} failed, ${this.retried} retried, ${this.opened} sessions; ${reasons}`;
  }

  async #run(): Promise<void> {
    while (!this.#stopping && this.#reconnect) {
      const session = await this.#connect();
      if (session === undefined) continue;
      this.opened += 1;
      await Promise.all(Array.from({ length: this.#options.streams }, () => this.#use(session)));
      session.close();
      session.destroy();
    }
  }

  async #connect(): Promise<ClientHttp2Session | undefined> {
    const { port, tls } = this.#options;
    const session = connect(`${tls === true ? "https" : "http"}://${HOST}:${port}`, {
      rejectUnauthorized: false,
      servername: "localhost",
    });
    let reason = "";
    session.on("error", (error: NodeJS.ErrnoException) => (reason = error.code ?? error.message));
    await Promise.race([once(session, "connect"), once(session, "close")]).catch(() => undefined);
    if (!session.connecting && !session.destroyed) return session;
    session.destroy();
    // Between the last accept of a gateway that stops and the client's noticing.
    if (!this.#reconnect || this.#stopping) return undefined;
    this.#fail(`connect: ${reason}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return undefined;
  }

  /** Requests one after the other, until the session takes no more. */
  async #use(session: ClientHttp2Session): Promise<void> {
    while (!this.#stopping && !session.closed && !session.destroyed) {
      const outcome = await this.#exchange(session);
      if (outcome === "ok") this.ok += 1;
      else if (outcome === "unprocessed") this.retried += 1;
      else this.#fail(outcome.reason);
      const { thinkMs = 0 } = this.#options;
      if (thinkMs > 0) await new Promise((resolve) => setTimeout(resolve, thinkMs));
    }
  }

  #exchange(session: ClientHttp2Session): Promise<Outcome> {
    return new Promise((resolve) => {
      const stream = session.request({ ":path": "/" });
      let status = 0;
      let bytes = 0;
      let length = -1;
      stream.setTimeout(ANSWER_TIMEOUT_MS, () => stream.close(constants.NGHTTP2_CANCEL));
      stream.on("error", () => undefined);
      stream.on("response", (headers) => {
        status = Number(headers[":status"]);
        length = Number(headers["content-length"] ?? -1);
      });
      stream.on("data", (part: Buffer) => (bytes += part.length));
      stream.once("close", () => {
        const code = stream.rstCode;
        if (status === 0 && code === constants.NGHTTP2_REFUSED_STREAM) resolve("unprocessed");
        else if (code !== 0 || status === 0)
          resolve({ reason: `reset ${code} after status ${status} on stream ${stream.id}` });
        else if (status !== 200) resolve({ reason: `status ${status}` });
        else resolve(length === -1 || length === bytes ? "ok" : { reason: `${bytes} of ${length} bytes` });
      });
    });
  }

  #fail(reason: string): void {
    this.failed += 1;
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
  }
}
