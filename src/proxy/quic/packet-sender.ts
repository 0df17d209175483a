/**
 * Packets of engines into one socket: encoded in place in the socket's arena, in runs of datagrams of equal
 * size to the same peer, which the kernel takes as one (GSO). When it takes no more, connections wait here,
 * and nothing is encoded meanwhile: what is old by then should not be what is sent first.
 */
import type { QuicConnectionEngine } from "../../fastpath/quic-engine.ts";
import { MAX_UDP_SEGMENTS, type UdpPath, type UdpSocket } from "../../fastpath/udp.ts";
import { MIN_INITIAL_DATAGRAM_BYTES } from "../../wire/quic/packet-header.ts";
import type { QuicCounters } from "./quic-counters.ts";
import type { Flushed, Pumped, QuicPump } from "./quic-pump.ts";

/** Octets of a run: what an IPv6 packet holds beside its header and that of UDP. */
const MAX_RUN_BYTES = 65_535 - 48;

/** The least that an engine is given to write into before the handshake is complete: a datagram with an Initial packet is padded to it. */
const MIN_HANDSHAKE_ROOM: number = MIN_INITIAL_DATAGRAM_BYTES;

/** The least after it: a packet that says anything, with the longest connection ID. */
const MIN_PACKET_ROOM = 64;

/** Who packets are made for. */
export interface Addressee extends Pumped {
  /** Where they go. */
  readonly path: UdpPath;
}

/** Runs of one connection in one turn, about 256 KiB; others have theirs before it goes on. */
const MAX_RUNS_PER_TURN = 4;

export class PacketSender implements Flushed {
  readonly socket: UdpSocket;
  readonly #pump: QuicPump;
  readonly #counters: QuicCounters;
  readonly #maxPacketBytes: number;
  readonly #waiting = new Set<Pumped>();
  #blocked = false;
  #staged = false;

  /** `maxPacketBytes`: the largest that an engine on this socket makes. */
  constructor(socket: UdpSocket, pump: QuicPump, counters: QuicCounters, maxPacketBytes: number) {
    this.socket = socket;
    this.#pump = pump;
    this.#counters = counters;
    this.#maxPacketBytes = Math.min(maxPacketBytes, MAX_RUN_BYTES);
    pump.add(this);
  }

  /**
   * Sends what the engine has, up to `maxOctets`; returns how many octets. What is held back by the
   * socket, or for the sake of others, will go out: the connection's next turn is arranged.
   */
  sendPackets(engine: QuicConnectionEngine, connection: Addressee, maxOctets: number): number {
    let sent = 0;
    for (let run = 0; run < MAX_RUNS_PER_TURN; run++) {
      if (this.#blocked) {
        this.#waiting.add(connection);
        return sent;
      }
      const before = sent;
      sent += this.#sendRun(engine, connection.path, maxOctets - sent);
      if (sent === before) return sent;
    }
    this.#pump.mark(connection);
    return sent;
  }

  /** One datagram that belongs to no connection. Lost when the kernel takes no more. */
  sendDatagram(path: UdpPath, bytes: Buffer, start: number, end: number): boolean {
    if (this.#blocked) return false;
    const at = this.socket.reserve(end - start);
    bytes.copy(this.socket.out, at, start, end);
    this.#stage(path, at, at + end - start, end - start);
    return true;
  }

  /** The kernel takes datagrams again. */
  onDrain(): void {
    this.#blocked = false;
    for (const connection of this.#waiting) this.#pump.mark(connection);
    this.#waiting.clear();
  }

  flush(): void {
    if (!this.#staged) return;
    this.#staged = false;
    this.socket.flush();
  }

  close(): void {
    this.#pump.remove(this);
    this.#staged = false;
    this.#blocked = true;
    this.#waiting.clear();
    this.socket.close();
  }

  /** Fills one reservation; returns how many octets. Several runs are in it when packets differ in size. */
  #sendRun(engine: QuicConnectionEngine, path: UdpPath, maxOctets: number): number {
    const leastBytes = engine.established ? MIN_PACKET_ROOM : MIN_HANDSHAKE_ROOM;
    if (maxOctets < leastBytes) return 0;
    const start = this.socket.reserve(MAX_RUN_BYTES);
    const { out } = this.socket;
    const limit = start + Math.min(MAX_RUN_BYTES, maxOctets);
    const roomBytes = maxOctets < MAX_RUN_BYTES ? leastBytes : this.#maxPacketBytes;
    let from = start;
    let position = start;
    let segment = 0;
    while (limit - position >= roomBytes) {
      const length = engine.nextPacket(out, position, limit);
      if (length === 0) break;
      if (segment > 0 && (length > segment || position - from === MAX_UDP_SEGMENTS * segment)) {
        this.#stage(path, from, position, segment);
        from = position;
        segment = 0;
      }
      if (segment === 0) segment = length;
      position += length;
      if (length < segment) {
        this.#stage(path, from, position, segment);
        from = position;
        segment = 0;
      }
    }
    if (segment > 0) this.#stage(path, from, position, segment);
    return position - start;
  }

  #stage(path: UdpPath, start: number, end: number, segmentBytes: number): void {
    this.#counters.add("quic_datagrams_sent_total", Math.ceil((end - start) / segmentBytes));
    this.#counters.add("quic_octets_sent_total", end - start);
    this.#staged = true;
    if (!this.socket.send(path, start, end, segmentBytes)) this.#blocked = true;
  }
}
