/**
 * One request stream of a connection: what its owner sees, and what the parts of the connection keep on it.
 * Made for every stream and never used again, so that an owner that holds on to one can do no harm.
 */
import type { Fields } from "../http/fields.ts";
import type { RequestHead } from "../http/message.ts";
import type { CodecStream } from "../multiplexed/codec.ts";
import { DEFAULT_URGENCY } from "../multiplexed/priority-field.ts";
import type { SendBuffer } from "../multiplexed/send-buffer.ts";
import { StreamState } from "../multiplexed/stream-state.ts";
import type { BlockedInput } from "./blocked-input.ts";
import { FrameHeaderReader } from "./frame/frame-header.ts";
import type { SectionBuffer } from "./section-buffer.ts";

/** What is to come of the peer's message. */
export const Awaiting = {
  /** A head: the request's, or a response's, informational or final. */
  head: 0,
  /** DATA, and perhaps a trailer section. */
  body: 1,
  /** The end: the trailer section has come. */
  end: 2,
  /** Whatever comes is thrown away: the request was refused. */
  nothing: 3,
} as const;
export type Awaiting = (typeof Awaiting)[keyof typeof Awaiting];

/** `expectedBytes` of a body whose length was not announced. */
export const ANY_LENGTH = -1;

export class H3Stream implements CodecStream {
  readonly id: number;
  /** The owner's object. */
  user: object | null = null;
  /** An extended CONNECT (RFC 9220): DATA carries another protocol. */
  isTunnel = false;
  /** Octets of frames that wait for QUIC to take them. */
  queuedBytes = 0;
  /** Since when nothing of what waits could be sent, in the clock's milliseconds; `Infinity` while nothing waits. */
  stalledSinceMs = Infinity;

  // What follows is for the connection's own parts.

  state: StreamState = StreamState.open;
  /** The owner has heard of the stream, and is to hear how it ends. */
  isKnown = false;
  /** When it was opened, in the clock's milliseconds. */
  readonly openedMs: number;

  // Receiving.
  awaiting: Awaiting = Awaiting.head;
  readonly frame: FrameHeaderReader = new FrameHeaderReader();
  /** A field section that has come in part; `null`: none is under way. */
  section: SectionBuffer | null = null;
  /** A section that cannot be decoded yet, and what came behind it. */
  blocked: BlockedInput | null = null;
  /** Octets that the owner has got and has not said to have passed on. */
  unconsumedBytes = 0;
  /** They are so many that QUIC keeps what follows. */
  heldBack = false;
  /** A request's head, while its section is blocked. */
  head: RequestHead | null = null;
  /** Trailers whose stream has not ended yet. */
  trailers: Fields | null = null;
  /** Content-Length of what the peer sends; `ANY_LENGTH`: it named none. */
  expectedBytes = ANY_LENGTH;
  receivedBytes = 0;
  /** 1xx responses so far. */
  informationalCount = 0;
  /** Client: the request was HEAD, so that no response has a body. */
  isHead = false;
  /** The peer may send nothing but DATA any more (RFC 9114 section 4.4). */
  onlyData = false;

  // Sending.
  buffer: SendBuffer | null = null;
  /** Body octets that the owner has given. */
  bodyBytes = 0;
  /** The owner was told to pause, and waits for `onStreamDrained`. */
  drainWanted = false;
  /** The octet that makes so many ends the stream; `ANY_LENGTH`: the body's length is not known. */
  endsAtBytes = ANY_LENGTH;
  /** The last frame is written, or waits with the stream's end behind it; perhaps before `sendEnd`. */
  endWritten = false;
  /** `sendEnd` was called. */
  endCalled = false;
  /** The peer takes nothing more (STOP_SENDING): what is sent is thrown away. */
  stopped = false;

  urgency = DEFAULT_URGENCY;
  incremental = false;

  constructor(id: number, openedMs: number) {
    this.id = id;
    this.openedMs = openedMs;
  }

  /** Body octets that QUIC has taken, as far as can be told while frame headers wait among them. */
  get sentBytes(): number {
    return Math.max(0, this.bodyBytes - this.queuedBytes);
  }
}
