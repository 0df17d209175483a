/**
 * Datagrams in batches, for many peers on one socket. `native-udp.ts` moves a whole batch in one system
 * call and sends runs of equal datagrams as one (GSO); `dgram-udp.ts` is the twin on node:dgram.
 *
 * As with the transport, sending is staged: the owner reserves room in the arena `out`, encodes into it,
 * and calls `send`. What is staged goes out when the current callback returns, or with `flush`.
 */

/** An address as four words in network order, IPv4 mapped into IPv6 (`base/ip.ts`), and a port; RFC 4007 has scopes. */
export interface UdpAddress {
  readonly words: Uint32Array;
  readonly port: number;
  /** Of a link-local IPv6 address: the index of the interface behind which it is. Others have none. */
  readonly scope?: number;
}

/**
 * Between whom datagrams go. Made by their owner, kept for as long as it likes, never changed. Where a
 * local address is all zeroes the kernel chooses one.
 */
export interface UdpPath {
  readonly local: UdpAddress;
  readonly remote: UdpAddress;
}

/** Explicit Congestion Notification, as it stands in the IP header (RFC 3168 section 5). */
export const Ecn = { notCapable: 0, capable1: 1, capable0: 2, congested: 3 } as const;
export type Ecn = (typeof Ecn)[keyof typeof Ecn];

/** Words of a record in `UdpBatch.records`, one for each datagram. */
export const UDP_RECORD_WORDS = 14;
/** First and last octet of the datagram in `UdpBatch.bytes`. */
export const UDP_START = 0;
export const UDP_END = 1;
/** Four words of the peer's address; its port. */
export const UDP_REMOTE = 2;
export const UDP_REMOTE_PORT = 6;
/** Four words of the address that it was sent to; all zeroes where the twin cannot tell. */
export const UDP_LOCAL = 7;
/** One of `Ecn`; 0 where the twin cannot tell. */
export const UDP_ECN = 11;
/** IPv6 scope of a link-local peer; 0: none. */
export const UDP_SCOPE = 12;

/** Datagrams that have come together. Valid during the call. */
export interface UdpBatch {
  readonly count: number;
  readonly bytes: Buffer;
  readonly records: Uint32Array;
}

export interface UdpOwner {
  onDatagrams(batch: UdpBatch): void;
  /** There is room again after `send` returned false. */
  onDrain(): void;
  /**
   * The network says that a peer cannot be reached: errno name, such as `ECONNREFUSED` or `EHOSTUNREACH`.
   * A hint that anybody on the path can forge. The twin may not hear of it.
   */
  onUnreachable(remote: UdpAddress, code: string): void;
  /** The socket is of no use any more: errno name. Last call. Not called for `close`. */
  onError(code: string): void;
}

export interface UdpOptions {
  /** Numeric address, IPv4 or IPv6. `::` takes IPv6 alone. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Share the port with the other workers and with a process that takes over. */
  readonly reusePort: boolean;
  /** Send and receive buffers asked for, in octets; the kernel may give less. */
  readonly bufferBytes: number;
}

/** Octets that one `reserve` may ask for: a run of datagrams that is sent as one (64 KiB is the kernel's bound). */
export const MAX_UDP_RESERVE_BYTES = 65_536;

/** Datagrams that one `send` may hold: the kernel's bound of segments (UDP_MAX_SEGMENTS is 64 on the oldest kernels). */
export const MAX_UDP_SEGMENTS = 64;

/** Largest datagram that can be received whole. */
export const MAX_DATAGRAM_BYTES = 65_535;

export interface UdpSocket {
  /** The bound address. */
  readonly local: UdpAddress;
  /** The arena to encode into. It may be another after `reserve`. */
  readonly out: Buffer;
  /** Makes room in `out`; returns its offset. At most `MAX_UDP_RESERVE_BYTES`. */
  reserve(size: number): number;
  /**
   * Queues `out[start, end)`, which must come from the last `reserve`, as datagrams of `segmentBytes` each;
   * the last may be shorter. At most `MAX_UDP_SEGMENTS`. False: the kernel takes no more for now; this was
   * kept nevertheless, and `onDrain` tells when to go on.
   */
  send(path: UdpPath, start: number, end: number, segmentBytes: number): boolean;
  /** Sends what is staged now. Owners need it only outside of the socket's callbacks. */
  flush(): void;
  /** Starts to receive. Before, what comes waits in the kernel. */
  receive(owner: UdpOwner): void;
  /**
   * Descriptor for who steers packets among sockets that share a port; -1 where the twin has none. It
   * belongs to the socket.
   */
  readonly fd: number;
  /**
   * Datagrams that were given up since the socket was bound, rather than fail it: larger than the device
   * takes (EMSGSIZE), without a route, or over the bound of what waits for the kernel.
   */
  readonly droppedDatagrams: number;
  /** Sends what is staged, then closes; what the kernel does not take at once is dropped. */
  close(): void;
}

export interface UdpSockets {
  readonly kind: "native" | "dgram";
  /** Rejects with an `Error` that has an errno `code` when the address cannot be bound. */
  bind(options: UdpOptions): Promise<UdpSocket>;
}
