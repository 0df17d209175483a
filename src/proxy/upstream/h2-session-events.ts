/** What the HTTP/2 codec of a session tells: of its streams, and of the session. */
import type { H2Error } from "../../wire/h2/h2-error.ts";
import type { H2ClientOwner } from "../../wire/h2/h2-owner.ts";
import { SessionEvents } from "./session-events.ts";
import type { UpstreamH2 } from "./upstream-h2.ts";

export class H2SessionEvents extends SessionEvents implements H2ClientOwner {
  readonly #session: UpstreamH2;

  constructor(session: UpstreamH2) {
    super(session);
    this.#session = session;
  }

  onSettings(): void {
    this.#session.settingsReceived();
  }

  onGoAway(code: number, _lastId: number, text: string): void {
    this.#session.goAwayReceived(code, text);
  }

  onPong(): void {
    // That bytes have come is all that matters of it.
  }

  onConnectionError(error: H2Error): void {
    this.#session.protocolFailed(error);
  }
}
