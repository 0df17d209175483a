/**
 * The twin of `native-udp.ts` on node:dgram: runs everywhere, and moves one datagram at a time. It does not
 * know which address a datagram was sent to where the socket is bound to none, nor ECN, nor what ICMP says.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { formatIp, IpFamily, isMapped, parseIp } from "../base/ip.ts";
import { InterfaceNames } from "./interface-names.ts";
import {
  MAX_UDP_RESERVE_BYTES,
  MAX_UDP_SEGMENTS,
  UDP_END,
  UDP_LOCAL,
  UDP_RECORD_WORDS,
  UDP_REMOTE,
  UDP_REMOTE_PORT,
  UDP_SCOPE,
  type UdpAddress,
  type UdpBatch,
  type UdpOptions,
  type UdpOwner,
  type UdpPath,
  type UdpSocket,
  type UdpSockets,
} from "./udp.ts";

/** Encoded octets that may be on their way to the kernel before another arena is made. */
const OUT_BYTES = 256 * 1024;

/** Octets that may wait for the kernel, as natively (`kMaxQueuedBytes`); more are dropped. */
export const MAX_QUEUED_BYTES = 4 * 1024 * 1024;

/** Datagrams that wait for `receive`, as node:dgram cannot leave them to the kernel; more are dropped. */
export const MAX_EARLY_DATAGRAMS = 128;

export class DgramUdp implements UdpSockets {
  readonly kind = "dgram";
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async bind(options: UdpOptions): Promise<UdpSocket> {
    const ipv6 = parseIp(options.host, new Uint32Array(4)) === IpFamily.v6;
    const socket = createSocket({
      type: ipv6 ? "udp6" : "udp4",
      ipv6Only: ipv6,
      reusePort: options.reusePort,
      recvBufferSize: options.bufferBytes,
      sendBufferSize: options.bufferBytes,
      // Addresses are numbers already; the default would look each up, and send later.
      lookup: (host, _options, done) => done(null, host, ipv6 ? 6 : 4),
    });
    // It may be bound before the call returns.
    const listening = once(socket, "listening");
    socket.bind({ address: options.host, port: options.port, exclusive: true });
    try {
      await listening;
    } catch (error) {
      socket.close();
      throw error;
    }
    return new DgramUdpSocket(this.#clock, socket);
  }
}

/** The batch of one datagram that an owner is being told; one for all of a socket. */
class Batch implements UdpBatch {
  readonly count = 1;
  bytes: Buffer = Buffer.alloc(0);
  readonly records = new Uint32Array(UDP_RECORD_WORDS);
}

class DgramUdpSocket implements UdpSocket {
  readonly local: UdpAddress;
  readonly fd = -1;
  out: Buffer = Buffer.allocUnsafeSlow(OUT_BYTES);
  droppedDatagrams = 0;
  readonly #batch = new Batch();
  readonly #clock: Clock;
  readonly #socket: Socket;
  readonly #remote = new Uint32Array(4);
  readonly #interfaces: InterfaceNames;
  /** Spelled addresses of those to whom datagrams go. */
  readonly #hosts = new WeakMap<UdpAddress, string>();
  #early: [Buffer, RemoteInfo][] = [];
  #owner: UdpOwner | null = null;
  /** Octets of `out` that the kernel may not have taken yet. */
  #used = 0;
  /** `send` has returned false. */
  #blocked = false;
  #open = true;
  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.droppedDatagrams += 1;
    if (!this.#open || !this.#blocked || this.#socket.getSendQueueCount() > 0) return;
    this.#blocked = false;
    this.#clock.refresh();
    this.#owner?.onDrain();
  };

  constructor(clock: Clock, socket: Socket) {
    this.#clock = clock;
    this.#socket = socket;
    this.#interfaces = new InterfaceNames(clock);
    const { address, port } = socket.address();
    const words = new Uint32Array(4);
    parseIp(address, words);
    this.local = { words, port };
    if (!isAny(words)) this.#batch.records.set(words, UDP_LOCAL);
    socket.on("message", (bytes, remote) => this.#onMessage(bytes, remote));
    socket.on("error", (error) => this.#onError(error));
  }

  reserve(size: number): number {
    assert(size <= MAX_UDP_RESERVE_BYTES, "reservation over the limit");
    if (this.#open && this.#socket.getSendQueueCount() === 0) this.#used = 0;
    if (OUT_BYTES - this.#used < size) {
      this.out = Buffer.allocUnsafeSlow(OUT_BYTES);
      this.#used = 0;
    }
    return this.#used;
  }

  /** Sends at once: nothing is gained by waiting, as each datagram is a system call of its own. */
  send(path: UdpPath, start: number, end: number, segmentBytes: number): boolean {
    assert(end - start <= segmentBytes * MAX_UDP_SEGMENTS, "a run of too many datagrams");
    if (!this.#open) return true;
    this.#used = end;
    let from = start;
    do {
      const to = Math.min(end, from + segmentBytes);
      this.#sendOne(path.remote, from, to);
      from = to;
    } while (from < end);
    if (this.#socket.getSendQueueCount() > 0) this.#blocked = true;
    return !this.#blocked;
  }

  #sendOne(remote: UdpAddress, start: number, end: number): void {
    if (this.#socket.getSendQueueSize() + end - start > MAX_QUEUED_BYTES) {
      this.droppedDatagrams += 1;
      return;
    }
    this.#socket.send(this.out, start, end - start, remote.port, this.#hostOf(remote), this.#onSent);
  }

  #hostOf(remote: UdpAddress): string {
    let host = this.#hosts.get(remote);
    if (host === undefined) {
      host = formatIp(remote.words);
      if (remote.scope !== undefined) host += `%${this.#interfaces.nameOf(remote.scope)}`;
      this.#hosts.set(remote, host);
    }
    return host;
  }

  /** Nothing is ever staged. */
  flush(): void {}

  receive(owner: UdpOwner): void {
    assert(this.#owner === null, "a socket has one owner");
    this.#owner = owner;
    setImmediate(() => {
      const early = this.#early;
      this.#early = [];
      for (const [bytes, remote] of early) this.#deliver(bytes, remote);
    });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#early = [];
    this.#socket.close();
  }

  #onMessage(bytes: Buffer, remote: RemoteInfo): void {
    // Those that came before have their turn first.
    if (this.#owner !== null && this.#early.length === 0) this.#deliver(bytes, remote);
    else if (this.#early.length < MAX_EARLY_DATAGRAMS) this.#early.push([bytes, remote]);
  }

  #deliver(bytes: Buffer, remote: RemoteInfo): void {
    if (!this.#open || this.#owner === null) return;
    const { address } = remote;
    const zone = address.indexOf("%");
    const end = zone === -1 ? address.length : zone;
    if (parseIp(address, this.#remote, 0, end) === IpFamily.none) return;
    this.#clock.refresh();
    const batch = this.#batch;
    batch.bytes = bytes;
    batch.records[UDP_END] = bytes.length;
    batch.records.set(this.#remote, UDP_REMOTE);
    batch.records[UDP_REMOTE_PORT] = remote.port;
    batch.records[UDP_SCOPE] = zone === -1 ? 0 : this.#interfaces.indexOf(address.slice(zone + 1));
    this.#owner.onDatagrams(batch);
  }

  #onError(error: NodeJS.ErrnoException): void {
    const owner = this.#owner;
    this.close();
    owner?.onError(error.code ?? "EIO");
  }
}

/** `0.0.0.0` or `::`. */
function isAny(words: Uint32Array): boolean {
  return words[0] === 0 && words[1] === 0 && words[3] === 0 && (words[2] === 0 || isMapped(words));
}
