/**
 * The transport: accepts, connects, receives and sends bytes for many connections, with
 * backpressure. The proxy is written against this interface only; `net-transport.ts` is the twin on
 * node:net, a native one batches whole ticks.
 *
 * Sending is staged: the owner reserves room in the byte arena `out`, encodes into it, and calls
 * `send`. Consecutive sends to one connection go out in one system call when the current callback
 * returns (or when `flush` is called), so that a head and the first body bytes share a write.
 */

import type {
  TlsClientContext,
  TlsClientSettings,
  TlsInfo,
  TlsServerContext,
  TlsServerSettings,
} from "./tls.ts";

/** What the owner of a connection implements. Bytes are valid only during the call. */
export interface ConnectionOwner {
  /**
   * An outgoing connection is open, with its TLS handshake done where it has one; or an accepted
   * connection that `secure` was called for has finished its handshake.
   */
  onConnect(): void;
  onData(bytes: Buffer, start: number, end: number): void;
  /** The peer has finished sending (FIN). Our side may still send. */
  onEnd(): void;
  /** What was queued has gone out; called only after `blocked` was true. */
  onDrain(): void;
  /**
   * Last call. `error` is an errno name (`ECONNRESET`, `ETIMEDOUT`), a text that begins with
   * `TLS_ERROR_PREFIX`, or empty after an orderly close. A TLS peer that ends without close_notify
   * has not ended in order: `onEnd` is not called, and this tells `tls: ...`.
   */
  onClose(error: string): void;
}

/** An open connection, opaque to its owner. */
export interface Connection {
  /** Numeric address and port of the peer; empty for Unix sockets. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  /** What the handshake agreed on; `null` before its end, and on connections without TLS. To be asked before `onClose`. */
  readonly tls: TlsInfo | null;
}

export interface ListenOptions {
  /** Numeric address, IPv4 or IPv6. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Share the port with the other workers and with a process that takes over. */
  readonly reusePort: boolean;
  /** Receive and send buffer of accepted connections, in octets; 0, or left out: the kernel sizes them. */
  readonly bufferBytes?: number;
}

export interface ListenOwner {
  /**
   * A connection was accepted; the returned owner gets its events. `null`: the transport resets it.
   * `scarce`: the process has few file descriptors left, and needs those for the far side of what it serves.
   */
  onAccept(connection: Connection, scarce: boolean): ConnectionOwner | null;
  /** Accepting failed (EMFILE, ENFILE, ECONNABORTED and such); accepting goes on by itself. */
  onAcceptError(code: string): void;
}

/** A bound address. It takes connections from `accept` on, so that a plan can be prepared first and go live later. */
export interface Listener {
  readonly port: number;
  /** Starts to take connections. */
  accept(owner: ListenOwner): void;
  /**
   * Takes no new connection, hands over those that the kernel had completed already, then closes.
   * Connections in the kernel's queue are not lost.
   */
  close(): Promise<void>;
}

export interface ConnectTarget {
  /** Numeric address; or the path of a Unix socket when `port` is -1. */
  readonly host: string;
  readonly port: number;
  /** TLS is spoken from the first byte; `null`: it is not. */
  readonly tls: TlsClientContext | null;
}

export interface Transport {
  readonly kind: "net" | "epoll" | "io_uring";
  /** The arena to encode into. It may be another after `reserve`. */
  readonly out: Buffer;
  /** Makes room for `size` bytes in `out`; returns their offset. At most `MAX_RESERVE_BYTES`. */
  reserve(size: number): number;
  /** Queues `out[start, end)`, which must come from the last `reserve`. */
  send(connection: Connection, start: number, end: number): void;
  /** Queues bytes from anywhere; they are copied or taken before the call returns to the event loop. */
  sendFrom(connection: Connection, bytes: Buffer, start: number, end: number): void;
  /** Sends what is staged now. Owners need it only outside of transport callbacks. */
  flush(): void;
  /** More is queued than the connection's high-water mark: stop producing until `onDrain`. May lag one batch. */
  blocked(connection: Connection): boolean;
  /** Bytes queued and not yet taken by the kernel. */
  queuedBytes(connection: Connection): number;
  /** Stops and starts receiving; the kernel's window then holds the peer back. */
  pause(connection: Connection): void;
  resume(connection: Connection): void;
  /** Sends what is queued, then FIN; receives until the peer's FIN. */
  end(connection: Connection): void;
  /**
   * Sends what is queued, then closes; receives nothing more. For a peer that has said everything:
   * what it sends nevertheless makes the kernel answer with RST. `destroy` cuts it short.
   */
  finish(connection: Connection): void;
  /** Closes at once without waiting for the peer; what is queued may be lost. */
  destroy(connection: Connection): void;
  /** As `destroy`, with RST, so that the peer cannot mistake it for an orderly end. */
  reset(connection: Connection): void;
  /**
   * Whether an idle connection can be used: false when the peer has closed it, or has sent bytes
   * that nobody asked for, even if no event has told so yet.
   */
  alive(connection: Connection): boolean;
  connect(target: ConnectTarget, owner: ConnectionOwner): Connection;
  /**
   * An accepted connection speaks TLS; to be called in `onAccept`. The owner hears `onConnect` or
   * `onClose`, and until then nothing else; what it sends meanwhile waits.
   */
  secure(connection: Connection, context: TlsServerContext): void;
  /** The events of a connection go to another owner from now on; also from within an event. */
  handOver(connection: Connection, owner: ConnectionOwner): void;
  /** Throws an `Error` that says in words what is wrong with the settings. */
  tlsServer(settings: TlsServerSettings): TlsServerContext;
  tlsClient(settings: TlsClientSettings): TlsClientContext;
  /** Replaces the ticket keys of a context that is in use: the first encrypts, all decrypt. */
  setTicketKeys(context: TlsServerContext, keys: readonly Uint8Array[]): void;
  /** Rejects with an `Error` that has an errno `code` when the address cannot be bound. */
  bind(options: ListenOptions): Promise<Listener>;
  /** Destroys every connection and listener. */
  close(): void;
}
