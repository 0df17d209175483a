/**
 * The sessions of one backend that take streams, over HTTP/2 or HTTP/3. The first ones are filled up to a share each, so
 * that a quiet backend has one session and the others age out; beyond, the least busy gets the next
 * stream. It always does where the sessions lead to different addresses: they are different machines.
 */
import type { UpstreamSession } from "./upstream-session.ts";

/**
 * Streams on a session before another one is wanted: more share the fate of one connection, its losses and
 * its one thread at the backend. It is what servers are asked to allow at least (RFC 9113 section 6.5.2, RFC
 * 9114 section 6.1).
 */
export const STREAM_SHARE = 100;

export class SessionSet {
  /** Sessions without streams, as their backend counts them. */
  idle = 0;
  readonly #sessions: UpstreamSession[] = [];

  get length(): number {
    return this.#sessions.length;
  }

  add(session: UpstreamSession): void {
    this.#sessions.push(session);
  }

  /** Does nothing for a session that is not in the set. */
  remove(session: UpstreamSession): void {
    const index = this.#sessions.indexOf(session);
    if (index !== -1) this.#sessions.splice(index, 1);
  }

  /** The session for the next stream; `null`: none has room. `spread`: the least busy one. */
  pick(spread: boolean): UpstreamSession | null {
    let best: UpstreamSession | null = null;
    for (let i = 0; i < this.#sessions.length;) {
      const session = this.#sessions[i] as UpstreamSession;
      // One that cannot be used any more leaves the set: the next is in its place.
      if (!session.usable()) continue;
      i++;
      if (!session.hasRoom) continue;
      if (!spread && session.streams < STREAM_SHARE) return session;
      if (best === null || session.streams < best.streams) best = session;
    }
    return best;
  }

  /** None of them takes further streams. */
  leave(): void {
    while (this.#sessions.length > 0) (this.#sessions.at(-1) as UpstreamSession).leave();
  }
}
