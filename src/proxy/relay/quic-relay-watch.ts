/**
 * Looks whether the backend of a joined relay is still there. QUIC finds out by its idle timeout; a machine that
 * says that the port is closed is believed earlier, while packets are not answered.
 *
 * A relay asks no backend for a sign of life by itself, as that would keep the connection from its idle timeout. So
 * where there is nothing to be answered, the port is asked first, and a PING follows only if it is closed.
 */
import { Timer } from "../../base/timer-wheel.ts";
import { LOOK_MS, PacketWatch } from "../upstream/packet-watch.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { QuicRelayShared } from "./quic-relay-counters.ts";
import type { QuicRelayLink } from "./quic-relay-link.ts";

/** Less often than a session, as there may be a thousand times as many relays: each look costs some 10 µs. */
const RELAY_LOOK_MS = 2000;

export interface QuicRelayWatchOptions {
  readonly context: WorkerContext;
  /** Of the relay: nobody waits for a backend while there are no streams. */
  readonly shared: QuicRelayShared;
  /** To the backend. */
  readonly link: QuicRelayLink;
  /** The backend's port is closed, and its connection dead. Last call. */
  readonly gone: () => void;
}

export class QuicRelayWatch {
  readonly #options: QuicRelayWatchOptions;
  readonly #watch: PacketWatch;
  readonly #timer: Timer;
  #ended = false;
  readonly #onRefused = (): void => this.#refused();

  /** Looks from now on. */
  constructor(options: QuicRelayWatchOptions) {
    this.#options = options;
    this.#watch = new PacketWatch(options.context.clock.nowMs);
    this.#timer = new Timer(() => this.#onTimer());
    this.#lookIn(RELAY_LOOK_MS);
  }

  end(): void {
    this.#ended = true;
    this.#options.context.wheel.remove(this.#timer);
  }

  #lookIn(byMs: number): void {
    const { clock, wheel } = this.#options.context;
    wheel.arm(this.#timer, clock.nowMs + byMs);
  }

  #onTimer(): void {
    const { context, link, shared } = this.#options;
    const quiet = this.#look() && shared.streams > 0;
    if (quiet || this.#watch.doubtful) context.quic.askRefused(link.path.remote, this.#onRefused);
    this.#lookIn(RELAY_LOOK_MS);
  }

  #look(): boolean {
    const { context, link } = this.#options;
    return this.#watch.look(link.engine.stats(), context.clock.nowMs);
  }

  #refused(): void {
    if (this.#ended) return;
    const { gone, link } = this.#options;
    this.#look();
    if (this.#watch.doubtful) {
      this.end();
      gone();
      return;
    }
    link.engine.ping();
    link.wake();
    this.#lookIn(LOOK_MS);
  }
}
