/** An idle connection that rested so long is not about to send a request when a drain closes it. */
export const DRAIN_GRACE_MS = 1000;
