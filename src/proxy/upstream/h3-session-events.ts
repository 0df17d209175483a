/** What the HTTP/3 codec of a session tells: of its streams, and of the session. */
import type { H3Error } from "../../wire/h3/h3-error.ts";
import type { H3ClientOwner } from "../../wire/h3/h3-owner.ts";
import { SessionEvents } from "./session-events.ts";
import type { UpstreamH3 } from "./upstream-h3.ts";

export class H3SessionEvents extends SessionEvents implements H3ClientOwner {
  readonly #session: UpstreamH3;

  constructor(session: UpstreamH3) {
    super(session);
    this.#session = session;
  }

  onSettings(): void {
    this.#session.settingsReceived();
  }

  onGoAway(): void {
    this.#session.goAwayReceived();
  }

  onConnectionError(error: H3Error): void {
    this.#session.protocolFailed(error);
  }
}
