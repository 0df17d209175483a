/**
 * What a peer may make us do for nothing, as one table. Whoever overdraws a budget gets GOAWAY with
 * ENHANCE_YOUR_CALM, or CONNECTION_CLOSE with H3_EXCESSIVE_LOAD; its kind is the metric label. A budget is a bucket: what is done costs, time gives
 * back, and so does honest work of the same connection, so that a busy peer may do more than an idle
 * one. Both roles have the same table: a backend is a peer, too. Feature rows A20.5 to A20.11.
 *
 * `BudgetMeter` counts; the rows without a rate are limits of a single thing, checked where it happens.
 */

interface BudgetRow {
  /** Costs that a connection may run up at once. */
  readonly burst: number;
  /** What 10 s give back. */
  readonly per10s: number;
  /** What is given back for a DATA frame that made progress, sent or received; see `BudgetMeter.frames`. */
  readonly perFrame: number;
  /** What is given back for a stream that came to its proper end. */
  readonly perStream: number;
}

/** Order and names are those of the metric's label. */
export const ABUSE_BUDGETS = {
  /**
   * Streams that the peer resets while we work on them, and streams that we reset for its mistakes: one
   * budget, as each way makes us begin work and throw it away (CVE-2023-44487, CVE-2019-9514,
   * CVE-2025-8671). One reset costs the inverse of `maxPeerResets` or of `maxErrorResets`; a stream that
   * is completed gives back the cost of one, so that cancelling half of everything is not an attack.
   */
  resets: { burst: 1, per10s: 1, perFrame: 0, perStream: 1 },
  /**
   * SETTINGS, each of which wants an ACK (CVE-2019-9515); one with many values costs more. In HTTP/3, which
   * has one of them, the other frames of the control stream: GOAWAY and MAX_PUSH_ID.
   */
  settings: { burst: 100, per10s: 100, perFrame: 0, perStream: 0 },
  /** PING, each of which wants an answer (CVE-2019-9512). gRPC sends one per round trip while data flows. */
  ping: { burst: 50, per10s: 50, perFrame: 1, perStream: 1 },
  /**
   * DATA and header fragments that hold nothing and end nothing (CVE-2019-9518), and frames of unknown types;
   * in HTTP/3 streams of unknown types, too.
   */
  empty_frames: { burst: 100, per10s: 100, perFrame: 0, perStream: 1 },
  /** PRIORITY and PRIORITY_UPDATE (CVE-2019-9513). Browsers send a few at first, then some per stream. */
  priority: { burst: 500, per10s: 200, perFrame: 0, perStream: 4 },
  /**
   * WINDOW_UPDATE. Two for each DATA frame are usual, eight with a reader that acknowledges 4 KiB at a
   * time on stream and connection. Windows that are opened by a few octets, and the tiny frames that this
   * forces on us, give nothing back (CVE-2019-9511, -9517).
   */
  window_updates: { burst: 1000, per10s: 1000, perFrame: 16, perStream: 4 },
  /**
   * Frames on streams that are over, which are looked up and thrown away. Some are always on their way. In
   * HTTP/3 resets of streams of which nothing has come, or that are over.
   */
  closed_streams: { burst: 1000, per10s: 1000, perFrame: 0, perStream: 4 },
} as const satisfies Record<string, BudgetRow>;

export type MeteredBudget = keyof typeof ABUSE_BUDGETS;

/**
 * And what is limited where it happens: `continuations`, the frames of one header block
 * (CVE-2024-27316); `header_block`, its octets, and a list that decodes to many times its limit
 * (CVE-2016-6581); `unread_control`, answers to a peer that does not read.
 */
export type BudgetKind = MeteredBudget | "continuations" | "header_block" | "unread_control";

/** All kinds, in the order in which counters have their slots. */
export const BUDGET_KINDS: readonly BudgetKind[] = [
  ...(Object.keys(ABUSE_BUDGETS) as MeteredBudget[]),
  "continuations",
  "header_block",
  "unread_control",
];

/**
 * Frames of one header block beyond those that its octets need. nghttp2 allows 8 in all; some encoders
 * flush after each field section that they know of.
 */
export const SPARE_CONTINUATIONS = 16;

/** A SETTINGS frame costs one for each so many values; there are fewer than 16 registered ones. */
export const SETTINGS_PER_COST = 32;

/** A DATA frame that the peer's window cut to less than this made no progress. */
export const MIN_PROGRESS_BYTES = 512;

/**
 * What may be queued to a peer when control frames are answered: over it, the peer does not read. Data
 * stops at the sink's high-water mark (64 KiB, and 64 KiB more in a batch); the rest is heads, for which
 * see `MAX_QUEUED_FOR_STREAM_BYTES`.
 */
export const MAX_UNREAD_BYTES = 2 * 1024 * 1024;

/**
 * What may be queued to a client when it opens another stream; over it, streams are refused. Above the
 * high-water mark lie only heads: 256 streams with heads of 3 KiB.
 */
export const MAX_QUEUED_FOR_STREAM_BYTES = 1024 * 1024;
