/**
 * The words that a native transport and TypeScript exchange through shared memory; the same as in
 * `native/transport/layout.h` (a test compares them). Events and commands have four words each:
 * kind, connection (or listener), and two values.
 */

/** A connection was accepted: connection, listener, descriptor. */
export const EVENT_ACCEPT = 1;
/** A dial has succeeded, or with TLS a handshake, of accepted connections too. */
export const EVENT_CONNECT = 2;
/** Bytes came: connection, start, end in the slab. */
export const EVENT_DATA = 3;
/** The peer's FIN, or with TLS its close_notify. */
export const EVENT_END = 4;
/** What had blocked the connection has gone out. */
export const EVENT_DRAIN = 5;
/** The last event of a connection: connection, errno, 1 when TLS knows the reason. */
export const EVENT_CLOSE = 6;
/** Accepting failed: listener, errno, 1 when it waits for `resumeListener`. */
export const EVENT_ACCEPT_ERROR = 7;

/** Bytes of `out`, or of the slab: connection, start, end. */
export const COMMAND_SEND_OUT = 1;
export const COMMAND_SEND_SLAB = 2;
export const COMMAND_PAUSE = 3;
export const COMMAND_RESUME = 4;
/** FIN behind what is queued. */
export const COMMAND_END = 5;
export const COMMAND_DESTROY = 6;
export const COMMAND_RESET = 7;
/** Close behind what is queued, receiving nothing more. */
export const COMMAND_FINISH = 8;

/** Words of an event and of a command. */
export const RECORD_WORDS = 4;

/** What is known of a connection: words from its slot's beginning. */
export const SLOT_QUEUED = 0;
export const SLOT_BLOCKED = 1;
export const SLOT_REMOTE_PORT = 2;
export const SLOT_HAS_ADDRESS = 3;
export const SLOT_ADDRESS = 4;
export const SLOT_WORDS = 8;
