/**
 * The words that a native datagram socket and TypeScript exchange through shared memory, beside those of
 * `udp.ts`; the same as in `native/udp/layout.h` (a test compares them).
 */

/** In a record that is to go out: it is sent as datagrams of so many octets. */
export const UDP_SEGMENT = 13;

/** A peer that cannot be reached: four words of its address, its port, errno. */
export const UNREACHABLE_REMOTE = 0;
export const UNREACHABLE_PORT = 4;
export const UNREACHABLE_ERROR = 5;
export const UNREACHABLE_WORDS = 6;

/** What is known of a socket. */
export const STATE_BLOCKED = 0;
export const STATE_DROPPED = 1;
export const STATE_PORT = 2;
export const STATE_ADDRESS = 3;
export const STATE_WORDS = 7;
