/**
 * The states of a stream, RFC 9113 section 5.1, without those of pushed streams: we push none, and
 * forbid it to backends. A request stream of HTTP/3 has the same, from `open` on: END_STREAM is the end of
 * a side (RFC 9000 section 3).
 *
 *                     +------+
 *                     | idle |
 *                     +------+
 *                        | open (HEADERS, sent or received)
 *                        v
 *                     +------+
 *        receiveEnd   |      |   sendEnd
 *          ,----------| open |----------.
 *         v           +------+           v
 *  +-------------+       |        +-------------+
 *  | half-closed |       | reset  | half-closed |
 *  |  (remote)   |       |        |   (local)   |
 *  +-------------+       v        +-------------+
 *         |           +--------+         |
 *         '---------->| closed |<--------'
 *      sendEnd, reset +--------+ receiveEnd, reset
 */
import { assert } from "../../base/assert.ts";

export const StreamState = { idle: 0, open: 1, halfClosedLocal: 2, halfClosedRemote: 3, closed: 4 } as const;
export type StreamState = (typeof StreamState)[keyof typeof StreamState];

/** `open`: HEADERS. `sendEnd`, `receiveEnd`: END_STREAM. `reset`: RST_STREAM of either side, or the connection's end. */
export const StreamEvent = { open: 0, sendEnd: 1, receiveEnd: 2, reset: 3 } as const;
export type StreamEvent = (typeof StreamEvent)[keyof typeof StreamEvent];

/** Of no transition: our own mistake, as what a peer does is checked before. */
const NONE = 255;

const { open, halfClosedLocal, halfClosedRemote, closed } = StreamState;

/** A row per event, a column per state. */
const TRANSITIONS: readonly Uint8Array[] = [
  // idle, open, half-closed (local), half-closed (remote), closed
  Uint8Array.of(open, NONE, NONE, NONE, NONE),
  Uint8Array.of(NONE, halfClosedLocal, NONE, closed, NONE),
  Uint8Array.of(NONE, halfClosedRemote, closed, NONE, NONE),
  Uint8Array.of(NONE, closed, closed, closed, NONE),
];

export function nextState(state: StreamState, event: StreamEvent): StreamState {
  const next = (TRANSITIONS[event] as Uint8Array)[state];
  assert(next !== NONE, "a stream state has no such transition");
  return next as StreamState;
}

/** Whether we may send DATA, HEADERS or END_STREAM. */
export function maySend(state: StreamState): boolean {
  return state === StreamState.open || state === StreamState.halfClosedRemote;
}

/** Whether the peer may. */
export function mayReceive(state: StreamState): boolean {
  return state === StreamState.open || state === StreamState.halfClosedLocal;
}
