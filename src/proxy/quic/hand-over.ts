/**
 * Packets that the kernel gave to the wrong worker: after a client has changed its address, its packets may
 * reach another socket of the port. Their connection ID names the worker, and they go to it over a socket
 * on the loopback interface. The owner answers from its own listening socket.
 *
 * One for each worker, for all its listeners. A packet that was taken over is never handed on.
 */
import type { UdpAddress, UdpBatch, UdpOwner, UdpPath, UdpSocket, UdpSockets } from "../../fastpath/udp.ts";
import { UDP_END, UDP_RECORD_WORDS, UDP_START } from "../../fastpath/udp.ts";
import {
  HAND_OVER_HEADER_BYTES,
  HAND_OVER_SECRET_BYTES,
  MAX_HANDED_OVER_BYTES,
  readHandOver,
  writeHandOver,
} from "./hand-over-frame.ts";
import { assert } from "../../base/assert.ts";
import { UDP_BUFFER_BYTES } from "../../base/limits.ts";
import { workerOf, CONNECTION_ID_BYTES } from "../../wire/quic/connection-id.ts";
import type { PacketHeader } from "../../wire/quic/packet-header.ts";
import { PacketSender } from "./packet-sender.ts";
import type { QuicEnvironment } from "./quic-environment.ts";
import { type Arrival, recordStart, socketFit } from "./udp-paths.ts";

/** Where the other workers take packets over. */
export interface HandOverPeers {
  /** The port of the worker's loopback socket; 0: it has none, or is not there. */
  portOf(worker: number): number;
  /** Workers that take new clients: those of them that have a port, and do not leave. */
  readonly takers: readonly number[];
}

/** A listener of this worker. */
export interface HandOverTaker {
  /** What its socket is bound to. */
  readonly local: UdpAddress;
  takeOver(bytes: Buffer, start: number, end: number, arrival: Arrival): void;
}

export interface HandOverOptions {
  readonly environment: QuicEnvironment;
  readonly peers: HandOverPeers;
  /** `HAND_OVER_SECRET_BYTES`, the same in all workers. */
  readonly secret: Uint8Array;
}

export class HandOver implements UdpOwner {
  readonly #environment: QuicEnvironment;
  readonly #peers: HandOverPeers;
  readonly #secret: Uint8Array;
  readonly #sender: PacketSender;
  /** By port: several addresses may have a listener on the same. */
  readonly #takers = new Map<number, readonly HandOverTaker[]>();
  readonly #paths: (UdpPath | undefined)[] = [];
  readonly #frame = Buffer.allocUnsafeSlow(HAND_OVER_HEADER_BYTES + MAX_HANDED_OVER_BYTES);
  readonly #record = new Uint32Array(UDP_RECORD_WORDS);
  readonly #arrival: Arrival;

  private constructor(socket: UdpSocket, options: HandOverOptions) {
    assert(options.secret.length === HAND_OVER_SECRET_BYTES, "the secret of the workers has 16 octets");
    this.#environment = options.environment;
    this.#peers = options.peers;
    this.#secret = options.secret;
    const { pump, counters } = options.environment;
    this.#sender = new PacketSender(socket, pump, counters, MAX_HANDED_OVER_BYTES);
    this.#arrival = { records: this.#record, at: 0, socketLocal: socket.local };
    socket.receive(this);
  }

  /** Rejects as `UdpSockets.bind` does. */
  static async open(sockets: UdpSockets, options: HandOverOptions): Promise<HandOver> {
    const bufferBytes = UDP_BUFFER_BYTES;
    const socket = await sockets.bind({ host: "127.0.0.1", port: 0, reusePort: false, bufferBytes });
    return new HandOver(socket, options);
  }

  /** To be announced to the other workers. */
  get port(): number {
    return this.#sender.socket.local.port;
  }

  /** The listener takes packets that were sent to its address. */
  register(taker: HandOverTaker): void {
    const { port } = taker.local;
    this.#takers.set(port, [...(this.#takers.get(port) ?? []), taker]);
  }

  unregister(taker: HandOverTaker): void {
    const { port } = taker.local;
    const left = (this.#takers.get(port) ?? []).filter((each) => each !== taker);
    if (left.length === 0) this.#takers.delete(port);
    else this.#takers.set(port, left);
  }

  /** Gives a datagram to the worker that its connection ID names. False: there is none, it stays here. */
  forward(worker: number, bytes: Buffer, start: number, end: number, arrival: Arrival): boolean {
    if (worker === this.#environment.worker || end - start > MAX_HANDED_OVER_BYTES) return false;
    const port = this.#peers.portOf(worker);
    if (port === 0) return false;
    const frame = this.#frame;
    const at = writeHandOver(frame, 0, this.#secret, arrival);
    const frameEnd = at + bytes.copy(frame, at, start, end);
    const sent = this.#sender.sendDatagram(this.#pathTo(worker, port), frame, 0, frameEnd);
    this.#environment.counters.add(sent ? "quic_packets_handed_over_total" : "quic_packets_dropped_total", 1);
    return true;
  }

  /**
   * Gives what a client begins with to a worker that takes new clients, when this one does not any more: the
   * kernel does not know of that. What has the same connection ID goes to the same worker. False: there is none.
   */
  forwardNew(header: PacketHeader, start: number, end: number, arrival: Arrival): boolean {
    const { takers } = this.#peers;
    const { bytes, dcidStart, dcidEnd } = header;
    if (takers.length === 0) return false;
    const named = dcidEnd - dcidStart === CONNECTION_ID_BYTES ? workerOf(bytes, dcidStart) : -1;
    const chosen = takers[(bytes[dcidEnd - 1] as number) % takers.length] as number;
    return this.forward(takers.includes(named) ? named : chosen, bytes, start, end, arrival);
  }

  close(): void {
    this.#takers.clear();
    this.#sender.close();
  }

  onDatagrams(batch: UdpBatch): void {
    const { pump } = this.#environment;
    pump.beginBatch();
    for (let i = 0; i < batch.count; i++) {
      const at = recordStart(i);
      this.#take(batch.bytes, batch.records[at + UDP_START] as number, batch.records[at + UDP_END] as number);
    }
    pump.run();
  }

  onDrain(): void {
    this.#sender.onDrain();
  }

  onUnreachable(): void {}

  onError(): void {
    this.close();
  }

  #take(bytes: Buffer, start: number, end: number): void {
    const { counters } = this.#environment;
    const port = readHandOver(bytes, start, end, this.#secret, this.#record);
    const taker = this.#takerAt(port);
    if (taker === null) {
      counters.add("quic_hand_overs_rejected_total", 1);
      return;
    }
    counters.add("quic_packets_taken_over_total", 1);
    taker.takeOver(bytes, this.#record[UDP_START] as number, end, this.#arrival);
  }

  /** Of the listeners on the port, the one whose socket the datagram in the record would have come to. */
  #takerAt(port: number): HandOverTaker | null {
    const takers = this.#takers.get(port);
    if (takers === undefined) return null;
    let best: HandOverTaker | null = null;
    let bestFit = -1;
    for (let i = 0; i < takers.length; i++) {
      const taker = takers[i] as HandOverTaker;
      const fit = socketFit(taker.local, this.#arrival);
      if (fit <= bestFit) continue;
      best = taker;
      bestFit = fit;
    }
    return best;
  }

  #pathTo(worker: number, port: number): UdpPath {
    const known = this.#paths[worker];
    if (known !== undefined && known.remote.port === port) return known;
    const { local } = this.#sender.socket;
    const remote: UdpAddress = { words: local.words, port };
    const path: UdpPath = { local, remote };
    this.#paths[worker] = path;
    return path;
  }
}
