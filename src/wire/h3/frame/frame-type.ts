/** Types of frames and of unidirectional streams, RFC 9114 sections 7.2 and 6.2, RFC 9204 section 4.2, RFC 9218 section 7.2. */
export const FrameType = {
  data: 0x0,
  headers: 0x1,
  cancelPush: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  goAway: 0x7,
  maxPushId: 0xd,
  priorityUpdate: 0xf0700,
  priorityUpdatePush: 0xf0701,
} as const;

/** One of those that exist to be ignored (RFC 9114 section 7.2.8). */
export const RESERVED_FRAME_TYPE = 0x21;

/** PRIORITY, PING, WINDOW_UPDATE and CONTINUATION of HTTP/2: nobody may send them (RFC 9114 section 7.2.8). */
const HTTP2_TYPES: readonly number[] = [0x2, 0x6, 0x8, 0x9];

/** Which streams a type belongs to. */
export const FramePlace = {
  /** Unknown, or reserved to be ignored (RFC 9114 section 9). */
  anywhere: 0,
  request: 1,
  control: 2,
  nowhere: 3,
} as const;
export type FramePlace = (typeof FramePlace)[keyof typeof FramePlace];

export function placeOf(type: number): FramePlace {
  switch (type) {
    case FrameType.data:
    case FrameType.headers:
    case FrameType.pushPromise:
      return FramePlace.request;
    case FrameType.cancelPush:
    case FrameType.settings:
    case FrameType.goAway:
    case FrameType.maxPushId:
    case FrameType.priorityUpdate:
    case FrameType.priorityUpdatePush:
      return FramePlace.control;
  }
  return HTTP2_TYPES.includes(type) ? FramePlace.nowhere : FramePlace.anywhere;
}

export const StreamType = { control: 0x0, push: 0x1, qpackEncoder: 0x2, qpackDecoder: 0x3 } as const;

/** Who opened a stream, and for whom: the two low bits of its identifier (RFC 9000 section 2.1). */
export const StreamKind = {
  request: 0,
  serverBidirectional: 1,
  clientUnidirectional: 2,
  serverUnidirectional: 3,
} as const;

/** Identifiers of streams of one kind follow each other by so many. */
export const STREAM_ID_STEP = 4;

export function streamKindOf(id: number): number {
  return id % STREAM_ID_STEP;
}
