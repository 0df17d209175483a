/**
 * How long a connection that was told to end is still read, so that the client sees the answer
 * before the kernel turns unread bytes into a reset. Feature row A9.11.
 */
export const LINGER_BYTES = 256 * 1024;
export const LINGER_MS = 1000;
