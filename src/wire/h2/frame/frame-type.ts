/** Types and flags of frames, RFC 9113 section 6, RFC 9218 section 7.1. */
export const FrameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goAway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
  priorityUpdate: 0x10,
} as const;

export const Flag = {
  /** Of SETTINGS and PING. */
  ack: 0x1,
  /** Of DATA and HEADERS. */
  endStream: 0x1,
  /** Of HEADERS and CONTINUATION. */
  endHeaders: 0x4,
  /** Of DATA and HEADERS. */
  padded: 0x8,
  /** Of HEADERS. */
  priority: 0x20,
} as const;

/** The header of every frame. */
export const FRAME_HEADER_BYTES = 9;

/**
 * Octets of a payload, at most: the initial SETTINGS_MAX_FRAME_SIZE, which we neither raise for what we
 * receive nor exceed in what we send. A frame is what a stream sends before another has its turn.
 */
export const MAX_FRAME_BYTES = 16_384;
