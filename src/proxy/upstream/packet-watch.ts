/**
 * Whether the peer of a QUIC connection with streams is alive. QUIC repeats what is not acknowledged (RFC 9002
 * section 6.2), so a peer that is gone shows by packets that go out while none comes in. While nothing has
 * to be sent, as the peer takes its time for an answer, somebody has to ask it: a session by a PING, which
 * keeps both ends from their idle timeouts, too.
 *
 * Unanswered packets are no proof: the peer may be busy, the network may be down for a while. They are a reason
 * to look closer (`UdpRefusals`), and proof when they go on for long.
 */
import type { QuicStats } from "../../fastpath/quic-engine.ts";

/** How often a session with streams is looked at. */
export const LOOK_MS = 1000;

/** Quiet after which a peer is asked. Whoever waits for a backend that is gone, waits for this in vain. */
const ASK_MS = 3000;

/** So many packets, and nothing that came since: one of them has to be answered, as an acknowledgement is one packet. */
const MIN_DOUBTFUL = 2;

/** Packets to which an answer is missing: the acknowledgement of what came last is not answered, and one or two may be lost. */
const MIN_UNANSWERED = 4;

export class PacketWatch {
  #received = 0;
  /** Packets that had been sent when one was last heard. */
  #sentBefore = 0;
  #unanswered = 0;
  /** When one was heard, as far as was looked, or asked for. */
  #heardMs: number;
  /** Since when too many are unanswered; `Infinity`: they are not. */
  #sinceMs = Infinity;

  constructor(nowMs: number) {
    this.#heardMs = nowMs;
  }

  /** Takes note of what has been sent and received by now; returns whether the peer is to be asked, as it is quiet. */
  look({ packetsReceived, packetsSent }: QuicStats, nowMs: number): boolean {
    if (packetsReceived !== this.#received) {
      this.#received = packetsReceived;
      this.#sentBefore = packetsSent;
      this.#heardMs = nowMs;
      this.#sinceMs = Infinity;
    }
    this.#unanswered = packetsSent - this.#sentBefore;
    if (this.#unanswered >= MIN_UNANSWERED) {
      this.#sinceMs = Math.min(this.#sinceMs, nowMs);
    }
    if (nowMs - this.#heardMs < ASK_MS) return false;
    this.#heardMs = nowMs;
    return true;
  }

  /** Packets went out, and none came in: a reason to look closer. */
  get doubtful(): boolean {
    return this.#unanswered >= MIN_DOUBTFUL;
  }

  /** How long the peer has left packets unanswered, as far as was looked. */
  silentMs(nowMs: number): number {
    return this.#sinceMs === Infinity ? 0 : nowMs - this.#sinceMs;
  }
}
