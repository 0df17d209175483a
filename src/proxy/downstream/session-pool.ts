/**
 * The parts of a client connection that only a request needs: its exchange and its decoder. They
 * are lent from the first byte of a request to the end of its response, so that an idle connection
 * costs next to nothing and a busy worker allocates nothing.
 */
import { RequestDecoder } from "../../wire/h1/request-decoder.ts";
import { ReaderMemory } from "../../wire/h1/reader-memory.ts";
import type { H1Limits, H1RequestPolicy } from "../../wire/h1/h1-limits.ts";
import { Exchange } from "../exchange/exchange.ts";

/** Sessions kept for reuse; beyond that they are garbage. About 8 KiB each. */
const MAX_KEPT_SESSIONS = 1024;

export class Session {
  readonly exchange = new Exchange();
  readonly decoder: RequestDecoder;
  readonly #pool: SessionPool;

  constructor(pool: SessionPool, decoder: RequestDecoder) {
    this.#pool = pool;
    this.decoder = decoder;
  }

  /** Gives it back; the borrower forgets it. */
  release(): void {
    this.#pool.give(this);
  }
}

/** One pool for each set of limits, which a generation's listener has one of. */
export class SessionPool {
  readonly #limits: H1Limits;
  readonly #policy: H1RequestPolicy;
  readonly #readerMemory = new ReaderMemory();
  readonly #kept: Session[] = [];

  constructor(limits: H1Limits, policy: H1RequestPolicy) {
    this.#limits = limits;
    this.#policy = policy;
  }

  /** Lends a session that is ready for the head of a request. */
  take(): Session {
    const session = this.#kept.pop() ?? this.#make();
    session.decoder.begin(session.exchange.request);
    return session;
  }

  #make(): Session {
    return new Session(this, new RequestDecoder(this.#limits, this.#policy, this.#readerMemory));
  }

  give(session: Session): void {
    if (this.#kept.length >= MAX_KEPT_SESSIONS) return;
    if (!session.decoder.idle) session.decoder.reset();
    session.exchange.reset();
    this.#kept.push(session);
  }
}
