/** What we have asked the peer, and when: PING and SETTINGS, of which each wants an answer (RFC 9113 sections 6.5.3 and 6.7). */
import type { ConnectionCore } from "./connection-core.ts";

export class Liveness {
  /** When the question was sent that is not answered, in the clock's milliseconds; `Infinity`: there is none. */
  pingSentMs = Infinity;
  settingsSentMs = Infinity;
  readonly #core: ConnectionCore;
  #pingNumber = 0;

  constructor(core: ConnectionCore) {
    this.#core = core;
  }

  settingsSent(): void {
    this.settingsSentMs = this.#core.clock.nowMs;
  }

  /** From now on the peer keeps to what we announced. False: nothing was to be acknowledged. */
  settingsAcknowledged(): boolean {
    if (this.settingsSentMs === Infinity) return false;
    const core = this.#core;
    this.settingsSentMs = Infinity;
    if (core.streamWindowBytes === core.limits.streamWindowBytes) return true;
    core.streamWindowBytes = core.limits.streamWindowBytes;
    for (const stream of core.streams.all()) stream.window.resize(core.streamWindowBytes);
    return true;
  }

  /** Sends a PING, unless one is unanswered. */
  ping(): void {
    if (this.pingSentMs !== Infinity) return;
    this.pingSentMs = this.#core.clock.nowMs;
    this.#pingNumber = (this.#pingNumber + 1) >>> 0;
    this.#core.writer.ping(this.#pingNumber);
  }

  /** False: it is the answer to no question of ours. */
  pingAcknowledged(number: number): boolean {
    if (this.pingSentMs === Infinity || number !== this.#pingNumber) return false;
    const roundTripMs = this.#core.clock.nowMs - this.pingSentMs;
    this.pingSentMs = Infinity;
    this.#core.owner.onPong(roundTripMs);
    return true;
  }
}
