/**
 * The parts of a client connection that only a request needs: its exchange and its decoder. They
 * are lent from the first byte of a request to the end of its response, so that an idle connection
 * costs next to nothing and a busy worker allocates nothing.
 */
import { RequestDecoder } from "../../wire/h1/request-decoder.ts";
import type { H1Limits, H1RequestPolicy } from "../../wire/h1/h1-limits.ts";
import { Exchange } from "../exchange/exchange.ts";

/** Sessions kept for reuse; beyond that they are garbage. About 8 KiB each. */
const MAX_KEPT_SESSIONS = 1024;

export interface Session {
  readonly exchange: Exchange;
  readonly decoder: RequestDecoder;
}

/** One pool for each set of limits, which a generation's listener has one of. */
export class SessionPool {
  readonly #limits: H1Limits;
  readonly #policy: H1RequestPolicy;
  readonly #kept: Session[] = [];

  constructor(limits: H1Limits, policy: H1RequestPolicy) {
    this.#limits = limits;
    this.#policy = policy;
  }

  take(): Session {
    return (
      this.#kept.pop() ?? {
        exchange: new Exchange(),
        decoder: new RequestDecoder(this.#limits, this.#policy),
      }
    );
  }

  give(session: Session): void {
    if (this.#kept.length >= MAX_KEPT_SESSIONS) return;
    if (!session.decoder.idle) session.decoder.reset();
    session.exchange.reset();
    this.#kept.push(session);
  }
}

/** The session that one connection has borrowed, if any. */
export class SessionLease {
  session: Session | null = null;
  #pool: SessionPool | null = null;

  /** Takes a session, ready for the head of a request. */
  open(pool: SessionPool): Session {
    const session = pool.take();
    this.session = session;
    this.#pool = pool;
    session.decoder.begin(session.exchange.request);
    return session;
  }

  /** Gives it back. */
  end(): void {
    if (this.session === null) return;
    this.#pool?.give(this.session);
    this.session = null;
  }
}
