/**
 * QUIC (RFC 9000) as a machine without input and output of its own: packets in, packets out, streams and
 * datagrams between. `quiche-engine.ts` is the engine of today; nothing else knows it, so another can take
 * its place. `proxy/quic/` drives it: sockets, timers, connection IDs and policy are there.
 *
 * No call throws for what a peer does, and none returns a promise. Every number is checked before it
 * reaches native code.
 */
import type { UdpPath } from "./udp.ts";
import type { TlsIdentity } from "./tls.ts";

/** Transport parameters (RFC 9000 section 18.2), and what an engine needs besides. */
export interface QuicTransportSettings {
  /** 0: none. */
  readonly maxIdleTimeoutMs: number;
  readonly maxReceivePayloadBytes: number;
  readonly maxSendPayloadBytes: number;
  /**
   * Octets over all streams that the peer may send before we have read some. An engine may see to it by what
   * it lets each stream begin with.
   */
  readonly connectionWindowBytes: number;
  /** The most for one stream, whoever opened it. */
  readonly streamWindowBytes: number;
  /**
   * The most that a stream begins with, if it is less than `streamWindowBytes`: its window grows while it is
   * read. What lies unread on some streams takes from what others may bring.
   */
  readonly streamStartBytes?: number;
  /** Streams that the peer may have open. */
  readonly maxBidirectionalStreams: number;
  readonly maxUnidirectionalStreams: number;
  readonly disableActiveMigration: boolean;
  /** Datagrams (RFC 9221) kept for each direction; 0: not offered. */
  readonly maxQueuedDatagrams: number;
  readonly congestionControl: "reno" | "cubic" | "bbr";
}

export interface QuicServerSettings {
  readonly transport: QuicTransportSettings;
  /**
   * At least one, such as `h3`. Of several that both speak, the client's order may decide. A client that offers
   * none of them is refused.
   */
  readonly alpn: readonly string[];
  /** The chain and the key are one identity: which one a client gets is decided before `accept`. */
  readonly identity: TlsIdentity;
  /** 48 octets, the same in all workers; `null`: no tickets that another worker could open. */
  readonly ticketKey: Uint8Array | null;
  readonly earlyData: boolean;
  readonly keyLogPath: string;
}

export interface QuicClientSettings {
  readonly transport: QuicTransportSettings;
  readonly alpn: readonly string[];
  /** PEM; empty: the authorities that the runtime trusts. */
  readonly caPem: string;
  readonly verifyPeer: boolean;
  /** Sent as SNI unless it is an address or empty. */
  readonly serverName: string;
  /** The name or address that the certificate must be for; empty: any. */
  readonly verifyName: string;
  /** Sessions are remembered, so that later connections to the same address resume; `false`: they are not. */
  readonly resume?: boolean;
  readonly keyLogPath: string;
}

/** Opaque; immutable; connections keep the one that they began with. */
export interface QuicServerContext {
  readonly role: "server";
}

export interface QuicClientContext {
  readonly role: "client";
}

/** What a server's connection begins with. */
export interface QuicServerIds {
  /** Our connection ID. After a Retry, the one that the Retry carried. */
  readonly scid: Buffer;
  /** After a Retry, the connection ID that the client chose first; otherwise `null`. */
  readonly originalDcid: Buffer | null;
  /** 16 octets: the stateless reset token of `scid`, sent as a transport parameter (RFC 9000 section 10.3). */
  readonly resetToken: Buffer;
}

export interface QuicEngine {
  /** For logs and metrics, such as `quiche 0.18.0`. */
  readonly name: string;
  /** Versions that connections can have, best first. */
  readonly versions: readonly number[];
  /** Throws an `Error` that says in words what is wrong with the settings. */
  server(settings: QuicServerSettings): QuicServerContext;
  client(settings: QuicClientSettings): QuicClientContext;
  /** A client's first packet is about to be given to `receive`. `null`: the engine has no room, or refuses. */
  accept(context: QuicServerContext, ids: QuicServerIds, path: UdpPath): QuicConnectionEngine | null;
  connect(context: QuicClientContext, scid: Buffer, path: UdpPath): QuicConnectionEngine | null;
}

/** What a read or a write of a stream returns instead of a number of octets. */
export const StreamResult = {
  /** Nothing to read, or no room to write, for now. */
  blocked: -1,
  /** The peer has reset the stream (when reading), or wants no more of it (when writing): `streamCode` tells its code. */
  ended: -2,
  /** There is no such stream, or not in this direction. */
  unknown: -3,
} as const;

/** Why a connection is over. */
export interface QuicClose {
  /** Which side ended it; `timeout`: nobody was heard; `reset`: a stateless reset. */
  readonly by: "local" | "peer" | "timeout" | "reset";
  /** The code is the application's (CONNECTION_CLOSE of type 0x1d), not the transport's. */
  readonly application: boolean;
  readonly code: number;
  readonly reason: string;
}

/** Largest stream ID, error code and offset: variable-length integers (RFC 9000 section 16), as far as a number is exact. */
export const MAX_QUIC_INTEGER = Number.MAX_SAFE_INTEGER;

export interface QuicConnectionEngine {
  /**
   * One UDP datagram, coalesced packets and all; it is decrypted in place. Where it came from is no matter of
   * the engine's, which has one path for the whole connection.
   */
  receive(bytes: Buffer, start: number, end: number): void;
  /**
   * Writes the next packet into `target[start, end)` and returns its length; 0: none. Before the handshake is
   * complete, there must be room for 1200 octets; after it, what does not fit waits.
   */
  nextPacket(target: Buffer, start: number, end: number): number;
  /** Milliseconds until `onTimeout` is due; `Infinity`: no timer. */
  timeoutMs(): number;
  onTimeout(): void;

  readonly established: boolean;
  /** The handshake is not complete, and the client's early data is being read. */
  readonly inEarlyData: boolean;
  readonly resumed: boolean;
  /** Nothing will be sent or received any more: the connection can be forgotten. */
  readonly closed: boolean;
  /** It is ending: `close` was called, or the peer has closed. */
  readonly draining: boolean;
  /** Why it ended, or is ending; `null` before. */
  readonly closeReason: QuicClose | null;
  /** What ALPN agreed on; empty before. */
  readonly applicationProtocol: string;
  /** DER, the peer's own first; empty before the handshake and where it showed none. */
  readonly peerCertificates: readonly Uint8Array[];

  /** Some stream may have something to read, or a datagram waits. Cheap. */
  readonly hasReadable: boolean;
  /** Something can be read of this stream: octets, its end, or a reset. Cheap. */
  streamReadable(id: number): boolean;
  /** Streams with something to read. Dear (about 20 µs): for streams that `streamReadable` was not asked of. */
  readableStreams(into: number[]): number;
  /**
   * Reads into `target[start, end)`; returns octets, or a `StreamResult`. `streamFin`: that was its end. With
   * no room at all (`start === end`) no octet is read, and what may be told is told all the same: a reset, and
   * an end that nothing unread is before.
   */
  readStream(id: number, target: Buffer, start: number, end: number): number;
  readonly streamFin: boolean;
  readonly streamCode: number;
  /**
   * Octets that `writeStream` would take now; or `StreamResult.ended` when the peer has sent STOP_SENDING, also
   * when all that was sent is acknowledged; `unknown` when there is no such stream.
   */
  streamCapacity(id: number): number;
  /** Returns how many octets were taken, or a `StreamResult`. `fin` counts only when all were taken. May open the stream. */
  writeStream(id: number, bytes: Buffer, start: number, end: number, fin: boolean): number;
  /** RESET_STREAM. Nothing happens when there is nothing to reset. */
  resetStream(id: number, code: number): void;
  /** STOP_SENDING. */
  stopSending(id: number, code: number): void;
  /** RFC 9218: urgency 0 (first) to 7. */
  prioritise(id: number, urgency: number, incremental: boolean): void;
  /** Streams that the peer lets us open now. */
  bidirectionalStreamsLeft(): number;
  unidirectionalStreamsLeft(): number;
  /** Largest datagram that can be sent now; 0: the peer takes none. */
  datagramCapacity(): number;
  /** False: the queue is full, and it was dropped. */
  sendDatagram(bytes: Buffer, start: number, end: number): boolean;
  /** Reads the oldest into `target[start, end)`; returns its length, -1: none. */
  readDatagram(target: Buffer, start: number, end: number): number;

  /** Something that the peer acknowledges goes out with the next packet (RFC 9000 section 10.1.2). */
  ping(): void;

  /** CONNECTION_CLOSE. Later calls change nothing. */
  close(application: boolean, code: number, reason: string): void;

  /**
   * Gives the peer another connection ID, as long as the first, with its stateless reset token of 16 octets;
   * false: it has enough.
   */
  offerConnectionId(id: Buffer, resetToken: Buffer): boolean;
  /** An ID that the peer has retired; `null`: none. */
  retiredConnectionId(): Buffer | null;
  /**
   * The connection still does what it should, and soon will not: the engine loses a little with streams of
   * some kinds, and has lost much. Whoever can should go on with another connection. Cheap.
   */
  readonly worn: boolean;
  /** Octets of packets that were the peer's own: neither forged nor spoiled, nor come before. Dear (about 8 µs). */
  authenticOctets(): number;
  /** Dear (about 10 µs). */
  stats(): QuicStats;
}

export interface QuicStats {
  readonly packetsReceived: number;
  readonly packetsSent: number;
  readonly packetsLost: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly roundTripMs: number;
  readonly congestionWindowBytes: number;
  /** As of the last acknowledgements. */
  readonly deliveryBytesPerSecond: number;
}
