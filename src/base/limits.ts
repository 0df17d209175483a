/**
 * The named limits that are not configuration, each with its reason. What an operator may want to
 * change is in the config schema instead.
 */

/** One encode into the transport's arena: the largest head that the configuration allows (1 MiB), with what we add to it. */
export const MAX_RESERVE_BYTES = 1_048_576 + 65_536;

/** Bytes queued to one connection before its producer must pause: feature row A8.3, about 64 KiB a stream. */
export const SEND_HIGH_WATER_BYTES = 64 * 1024;

/** The buffers of UDP sockets, receive and send: the kernel sizes only those of TCP by itself. Feature row A2.10. */
export const UDP_BUFFER_BYTES = 262_144;

/** Connections that the kernel completes before we accept them. Feature row A2.10; the kernel caps it at somaxconn. */
export const LISTEN_BACKLOG = 50_000;

/** Worker processes: more than any machine has cores that one gateway should own. */
export const MAX_WORKERS = 256;

/** Counter slots in a worker's stripe; a slot is 8 bytes, so 2 MiB a worker, touched only where used. */
export const COUNTER_SLOTS = 262_144;

/** Series that one metric family may have. Feature row A18.9. */
export const MAX_SERIES_PER_FAMILY = 10_000;

/**
 * The table of connections per client address, in each worker: sets of ways. 131,072 addresses a
 * worker in 1.5 MiB; at half that load a set overflows with a chance below 1 in 200. A power of two.
 */
export const PER_IP_SETS = 8192;

/** Addresses in one set: their first key words fill one 64-byte cache line, which is what a lookup reads. */
export const PER_IP_WAYS = 16;

/**
 * How long a closing listener goes on accepting after its last connection: the round trip of a
 * distant client whose handshake is under way. Below the second after which a client sends a SYN
 * again, so that those that were dropped meanwhile wait no longer than once.
 */
export const LISTENER_LINGER_MS = 400;

/** Octets of a gRPC health check that the gateway answers itself: a prefix and the name of a service. */
export const HEALTH_REQUEST_BYTES = 4096;
