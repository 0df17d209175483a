/**
 * Whether the peer of a QUIC session with streams is alive. QUIC repeats what is not acknowledged (RFC 9002
 * section 6.2), so a peer that is gone shows by packets that go out while none comes in. While nothing has
 * to be sent, as the peer takes its time for an answer, a PING asks it, and keeps both ends from their
 * idle timeouts.
 */
import type { QuicStats } from "../../fastpath/quic-engine.ts";

/** How often a session with streams is looked at. */
export const LOOK_MS = 2000;

/** Silence after which a PING is sent: idle timeouts of 30 s are usual, and shorter ones than this are not. */
const PING_MS = 8000;

/** Packets to which an answer is missing: the acknowledgement of what came last is not answered, and one or two may be lost. */
const MIN_UNANSWERED = 4;

export class PacketWatch {
  #received = 0;
  /** Packets that had been sent when one was last heard. */
  #sentBefore = 0;
  /** When one was heard, as far as was looked, or asked for. */
  #heardMs: number;
  /** Since when too many are unanswered; `Infinity`: they are not. */
  #sinceMs = Infinity;

  constructor(nowMs: number) {
    this.#heardMs = nowMs;
  }

  /** Takes note of what has been sent and received by now; returns whether a PING is due. */
  look({ packetsReceived, packetsSent }: QuicStats, nowMs: number): boolean {
    if (packetsReceived !== this.#received) {
      this.#received = packetsReceived;
      this.#sentBefore = packetsSent;
      this.#heardMs = nowMs;
      this.#sinceMs = Infinity;
    } else if (packetsSent - this.#sentBefore >= MIN_UNANSWERED) {
      this.#sinceMs = Math.min(this.#sinceMs, nowMs);
    }
    if (nowMs - this.#heardMs < PING_MS) return false;
    this.#heardMs = nowMs;
    return true;
  }

  /** How long the peer has left packets unanswered, as far as was looked. */
  silentMs(nowMs: number): number {
    return this.#sinceMs === Infinity ? 0 : nowMs - this.#sinceMs;
  }
}
