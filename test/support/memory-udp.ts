/**
 * A network of UDP sockets in memory, for tests that need loss, reordering, floods and forged addresses:
 * all sockets of one `MemoryNetwork` reach each other by address and port. It behaves as `fastpath/udp.ts`
 * says; what it does to datagrams on their way is up to the test.
 */
import { parseIp } from "../../src/base/ip.ts";
import {
  MAX_UDP_RESERVE_BYTES,
  UDP_END,
  UDP_LOCAL,
  UDP_RECORD_WORDS,
  UDP_REMOTE,
  UDP_REMOTE_PORT,
  UDP_START,
  type UdpAddress,
  type UdpBatch,
  type UdpOptions,
  type UdpOwner,
  type UdpPath,
  type UdpSocket,
  type UdpSockets,
} from "../../src/fastpath/udp.ts";

const ARENA_BYTES = 4 * MAX_UDP_RESERVE_BYTES;
/** Datagrams of one batch, as of one system call. */
const MAX_BATCH = 64;
const FIRST_PORT = 40_000;

/** A datagram on its way. */
export interface MemoryDatagram {
  readonly bytes: Buffer;
  readonly from: UdpAddress;
  readonly to: UdpAddress;
}

export function udpAddress(host: string, port: number): UdpAddress {
  const words = new Uint32Array(4);
  parseIp(host, words);
  return { words, port };
}

export class MemoryNetwork implements UdpSockets {
  readonly kind = "dgram";
  /** What becomes of a datagram: those that it returns arrive, in that order. */
  transit: (datagram: MemoryDatagram) => readonly MemoryDatagram[] = (datagram) => [datagram];
  /** Of several sockets on one port, which one gets a datagram. */
  steer: (datagram: MemoryDatagram, sockets: number) => number = () => 0;
  readonly #sockets: MemoryUdp[] = [];
  #nextPort = FIRST_PORT;

  bind({ host, port }: UdpOptions): Promise<MemoryUdp> {
    const socket = new MemoryUdp(this, udpAddress(host, port === 0 ? this.#nextPort++ : port));
    this.#sockets.push(socket);
    return Promise.resolve(socket);
  }

  /** Whoever can forge an address. */
  inject(datagram: MemoryDatagram): void {
    for (const arriving of this.transit(datagram)) this.#deliver(arriving);
  }

  unbind(socket: MemoryUdp): void {
    this.#sockets.splice(this.#sockets.indexOf(socket), 1);
  }

  #deliver(datagram: MemoryDatagram): void {
    const sockets = this.#sockets.filter(({ local }) => reaches(local, datagram.to));
    if (sockets.length === 0) return;
    const at = sockets.length === 1 ? 0 : this.steer(datagram, sockets.length);
    sockets[at]?.arrive(datagram);
  }
}

export class MemoryUdp implements UdpSocket {
  readonly local: UdpAddress;
  readonly fd = -1;
  readonly droppedDatagrams = 0;
  out = Buffer.alloc(ARENA_BYTES);
  readonly #network: MemoryNetwork;
  #position = 0;
  #staged: MemoryDatagram[] = [];
  readonly #arrived: MemoryDatagram[] = [];
  #owner: UdpOwner | null = null;
  #scheduled = false;
  #closed = false;
  #blocked = false;
  #inCallback = false;

  constructor(network: MemoryNetwork, local: UdpAddress) {
    this.#network = network;
    this.local = local;
  }

  reserve(size: number): number {
    if (this.#position + size > ARENA_BYTES) this.#position = 0;
    return this.#position;
  }

  send(path: UdpPath, start: number, end: number, segmentBytes: number): boolean {
    const from = isUnspecified(path.local.words) ? this.#source(path.remote) : path.local;
    for (let at = start; at < end; at += segmentBytes) {
      const bytes = Buffer.from(this.out.subarray(at, Math.min(at + segmentBytes, end)));
      this.#staged.push({ bytes, from: { words: from.words, port: this.local.port }, to: path.remote });
    }
    this.#position = end;
    return !this.#blocked;
  }

  /** As a kernel whose buffers are full, and later have room. */
  block(blocked: boolean): void {
    this.#blocked = blocked;
    if (blocked) return;
    this.flush();
    this.#owner?.onDrain();
  }

  flush(): void {
    if (this.#blocked) return;
    const staged = this.#staged;
    this.#staged = [];
    for (const datagram of staged) this.#network.inject(datagram);
  }

  receive(owner: UdpOwner): void {
    this.#owner = owner;
    this.#schedule();
  }

  arrive(datagram: MemoryDatagram): void {
    if (this.#closed) return;
    this.#arrived.push(datagram);
    this.#schedule();
  }

  /** What the network tells of a peer that is not there. */
  unreachable(remote: UdpAddress, code: string): void {
    this.#owner?.onUnreachable(remote, code);
  }

  /** As a kernel that says that the socket is of no use any more. */
  fail(code: string): void {
    this.#owner?.onError(code);
  }

  close(): void {
    if (this.#closed) return;
    this.#blocked = false;
    this.flush();
    this.#closed = true;
    this.#network.unbind(this);
  }

  #source(remote: UdpAddress): UdpAddress {
    return isUnspecified(this.local.words) ? { words: remote.words, port: this.local.port } : this.local;
  }

  #schedule(): void {
    if (this.#scheduled || this.#inCallback || this.#owner === null || this.#arrived.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#hand();
    });
  }

  #hand(): void {
    if (this.#closed || this.#owner === null) return;
    const batch = batchOf(this.#arrived.splice(0, MAX_BATCH));
    this.#inCallback = true;
    this.#owner.onDatagrams(batch);
    this.#inCallback = false;
    if (!this.#closed) this.flush();
    this.#schedule();
  }
}

function batchOf(datagrams: readonly MemoryDatagram[]): UdpBatch {
  const bytes = Buffer.concat(datagrams.map((datagram) => datagram.bytes));
  const records = new Uint32Array(datagrams.length * UDP_RECORD_WORDS);
  let offset = 0;
  for (const [i, datagram] of datagrams.entries()) {
    const at = i * UDP_RECORD_WORDS;
    records[at + UDP_START] = offset;
    offset += datagram.bytes.length;
    records[at + UDP_END] = offset;
    records.set(datagram.from.words, at + UDP_REMOTE);
    records[at + UDP_REMOTE_PORT] = datagram.from.port;
    records.set(datagram.to.words, at + UDP_LOCAL);
  }
  return { count: datagrams.length, bytes, records };
}

function reaches(local: UdpAddress, to: UdpAddress): boolean {
  if (local.port !== to.port) return false;
  return isUnspecified(local.words) || local.words.every((word, i) => word === to.words[i]);
}

/** `0.0.0.0`, which is mapped into IPv6, or `::`. */
function isUnspecified(words: Uint32Array): boolean {
  return words[0] === 0 && words[1] === 0 && words[3] === 0 && (words[2] === 0 || words[2] === 0xffff);
}
