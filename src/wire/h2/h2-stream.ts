/**
 * One stream of a connection: what its owner sees, and what the parts of the connection keep on it.
 * Made for every stream and never used again, so that an owner that holds on to one can do no harm.
 */
import type { Fields } from "../http/fields.ts";
import type { CodecStream } from "../multiplexed/codec.ts";
import { DEFAULT_URGENCY } from "../multiplexed/priority-field.ts";
import { ReceiveWindow } from "./receive-window.ts";
import type { SendBuffer } from "../multiplexed/send-buffer.ts";
import { StreamState } from "../multiplexed/stream-state.ts";

/** What is to come of the peer's message. */
export const Awaiting = {
  /** A head: the request's, or a response's, informational or final. */
  head: 0,
  /** DATA, and perhaps a trailer section. */
  body: 1,
  /** Whatever comes is thrown away: the request was refused. */
  nothing: 2,
} as const;
export type Awaiting = (typeof Awaiting)[keyof typeof Awaiting];

/** `expectedBytes` of a body whose length was not announced. */
export const ANY_LENGTH = -1;

export class H2Stream implements CodecStream {
  readonly id: number;
  /** The owner's object. */
  user: object | null = null;
  /** An extended CONNECT (RFC 8441): DATA carries another protocol. */
  isTunnel = false;
  /** Body octets that were written in DATA frames. */
  sentBytes = 0;
  /** Body octets that wait for the peer's windows or for the sink. */
  queuedBytes = 0;
  /** Since when nothing of what waits could be sent, in the clock's milliseconds; `Infinity` while nothing waits. */
  stalledSinceMs = Infinity;

  // What follows is for the connection's own parts.

  state: StreamState = StreamState.idle;
  /** The stream table's: another stream in the same slot. */
  tableNext: H2Stream | null = null;

  // Receiving.
  awaiting: Awaiting = Awaiting.head;
  readonly window: ReceiveWindow;
  /** Content-Length of what the peer sends; `ANY_LENGTH`: it named none. */
  expectedBytes = ANY_LENGTH;
  receivedBytes = 0;
  /** 1xx responses so far. */
  informationalCount = 0;
  /** Client: the request was HEAD, so that no response has a body. */
  isHead = false;

  // Sending.
  /** Octets that the peer takes; negative after it has made its initial window smaller. */
  sendWindow: number;
  buffer: SendBuffer | null = null;
  /** The owner was told to pause, and waits for `onStreamDrained`. */
  drainWanted = false;
  /** The frame that makes so many octets sent ends the stream; `ANY_LENGTH`: the body's length is not known. */
  endsAtBytes = ANY_LENGTH;
  /** END_STREAM was written; perhaps before `sendEnd`. */
  endWritten = false;
  /** `sendEnd` was called, but octets wait in front of the end. */
  endWaits = false;
  /** Trailers that wait with the end. */
  trailers: Fields | null = null;

  // The send scheduler's, RFC 9218.
  urgency = DEFAULT_URGENCY;
  /** The client has said that it wants the response before others of its urgency, not shared with them. */
  sequential = false;
  /** Frames sent in this turn. */
  turnFrames = 0;
  ready = false;
  readyNext: H2Stream | null = null;
  readyPrevious: H2Stream | null = null;

  constructor(id: number, receiveWindow: number, sendWindow: number) {
    this.id = id;
    this.window = new ReceiveWindow(receiveWindow);
    this.sendWindow = sendWindow;
  }
}
