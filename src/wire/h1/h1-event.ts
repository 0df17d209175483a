/** What an HTTP/1 decoder reports after it has looked at some bytes. */
export const H1Event = {
  /** All bytes given are consumed; nothing new can be said. */
  needMore: 0,
  /** The head is complete: `head` is filled, framing is known. */
  head: 1,
  /** A part of the body: `bytes[bodyStart, bodyEnd)` of the buffer given. */
  body: 2,
  /** The message is complete; `trailers` holds its trailer section, or is empty. */
  end: 3,
  /** The peer broke the protocol: `fault` says how. Nothing more can be read. */
  error: 4,
} as const;
export type H1Event = (typeof H1Event)[keyof typeof H1Event];
