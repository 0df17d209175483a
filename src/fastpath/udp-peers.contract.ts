/** What the contract of datagram sockets talks with: owners that keep what they get, and plain node:dgram sockets at the far end. */
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { formatIp, parseIp } from "../base/ip.ts";
import { Observed } from "./transport-peers.contract.ts";
import {
  UDP_ECN,
  UDP_END,
  UDP_LOCAL,
  UDP_RECORD_WORDS,
  UDP_REMOTE,
  UDP_REMOTE_PORT,
  UDP_SCOPE,
  UDP_START,
  type UdpAddress,
  type UdpBatch,
  type UdpOwner,
  type UdpPath,
  type UdpSocket,
  type UdpSockets,
} from "./udp.ts";

/** What differs between the implementations. */
export interface UdpTraits {
  readonly name: string;
  readonly make: () => UdpSockets;
  /** It knows local addresses, ECN and ICMP errors, and does not cut a flood's order. */
  readonly native: boolean;
}

export const BOUND = { timeout: 30_000 };
export const IPV4 = "127.0.0.1";
export const IPV6 = "::1";
/** What the kernel takes without asking; some hundred small datagrams. */
export const BUFFER_BYTES = 1024 * 1024;

/** One that has come. */
export interface Arrival {
  readonly bytes: Buffer;
  readonly remote: string;
  readonly remotePort: number;
  readonly local: string;
  readonly ecn: number;
  readonly scope: number;
}

/** An owner that keeps what it gets. */
export class UdpRecorder extends Observed implements UdpOwner {
  readonly arrivals: Arrival[] = [];
  /** Datagrams of each call. */
  readonly batches: number[] = [];
  readonly unreachable: string[] = [];
  drains = 0;
  error = "";
  onArrival: (arrival: Arrival) => void = () => {};
  onDrainHook: () => void = () => {};

  onDatagrams(batch: UdpBatch): void {
    this.batches.push(batch.count);
    for (let index = 0; index < batch.count; index++) {
      const arrival = arrivalAt(batch, index * UDP_RECORD_WORDS);
      this.arrivals.push(arrival);
      this.onArrival(arrival);
    }
    this.happened();
  }

  onDrain(): void {
    this.drains += 1;
    this.onDrainHook();
    this.happened();
  }

  onUnreachable(remote: UdpAddress, code: string): void {
    this.unreachable.push(`${formatIp(remote.words)} ${remote.port} ${code}`);
    this.happened();
  }

  onError(code: string): void {
    this.error = code;
    this.happened();
  }

  get texts(): string[] {
    return this.arrivals.map(({ bytes }) => bytes.toString("latin1"));
  }
}

function arrivalAt({ bytes, records }: UdpBatch, at: number): Arrival {
  const start = records[at + UDP_START] as number;
  const end = records[at + UDP_END] as number;
  assert.ok(start <= end && end <= bytes.length);
  return {
    bytes: Buffer.from(bytes.subarray(start, end)),
    remote: formatIp(records.slice(at + UDP_REMOTE, at + UDP_REMOTE + 4)),
    remotePort: records[at + UDP_REMOTE_PORT] as number,
    local: formatIp(records.slice(at + UDP_LOCAL, at + UDP_LOCAL + 4)),
    ecn: records[at + UDP_ECN] as number,
    scope: records[at + UDP_SCOPE] as number,
  };
}

/** The far end: keeps what it gets. */
export class UdpPeer extends Observed {
  readonly socket: Socket;
  readonly received: Buffer[] = [];
  /** `ADDRESS PORT` of who sent each. */
  readonly senders: string[] = [];
  /** Octets of all. */
  receivedBytes = 0;

  constructor(socket: Socket) {
    super();
    this.socket = socket;
    socket.on("message", (bytes, { address, port }) => {
      this.received.push(bytes);
      this.senders.push(`${address} ${port}`);
      this.receivedBytes += bytes.length;
      this.happened();
    });
    socket.on("error", () => {});
  }

  static async open(host: string = IPV4): Promise<UdpPeer> {
    const socket = createSocket({
      type: host.includes(":") ? "udp6" : "udp4",
      recvBufferSize: 4 * BUFFER_BYTES,
      lookup: (name, _options, done) => done(null, name, host.includes(":") ? 6 : 4),
    });
    const listening = once(socket, "listening");
    socket.bind(0, host);
    await listening;
    return new UdpPeer(socket);
  }

  get port(): number {
    return this.socket.address().port;
  }

  say(bytes: Buffer | string, port: number, host: string = IPV4): void {
    this.socket.send(bytes, port, host);
  }
}

/** One socket and one peer; both go with the test. */
export interface UdpPair {
  readonly socket: UdpSocket;
  readonly own: UdpRecorder;
  readonly peer: UdpPeer;
  /** From the socket to the peer. */
  readonly path: UdpPath;
}

export async function openPair(sockets: UdpSockets, host: string = IPV4): Promise<UdpPair> {
  const socket = await sockets.bind({ host, port: 0, reusePort: false, bufferBytes: BUFFER_BYTES });
  const own = new UdpRecorder();
  socket.receive(own);
  const peer = await UdpPeer.open(host);
  return { socket, own, peer, path: pathTo(host, peer.port) };
}

export function closePair({ socket, peer }: Pick<UdpPair, "socket" | "peer">): void {
  socket.close();
  peer.socket.close();
}

export function addressOf(host: string, port: number): UdpAddress {
  const words = new Uint32Array(4);
  parseIp(host, words);
  return { words, port };
}

/** A link-local address of this machine, as Node.js spells it, and the index of its interface. */
export interface LinkLocal {
  readonly host: string;
  readonly scope: number;
}

/** `null`: this machine has none. */
export function linkLocal(): LinkLocal | null {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const { family, address, ...rest } of addresses ?? []) {
      const scope = family === "IPv6" && "scopeid" in rest ? rest.scopeid : 0;
      if (scope !== undefined && scope > 0) return { host: `${address}%${name}`, scope };
    }
  }
  return null;
}

/** Where the kernel chooses the local address. */
export function pathTo(host: string, port: number): UdpPath {
  return { local: { words: new Uint32Array(4), port: 0 }, remote: addressOf(host, port) };
}

/** Stages bytes as datagrams of `segmentBytes`, all in one by default; what `send` said. */
export function stage(
  socket: UdpSocket,
  path: UdpPath,
  bytes: Buffer | string,
  segmentBytes?: number,
): boolean {
  const whole = Buffer.from(bytes);
  const at = socket.reserve(whole.length);
  whole.copy(socket.out, at);
  return socket.send(path, at, at + whole.length, segmentBytes ?? whole.length);
}

/** Octets that tell where they are. */
export function pattern(size: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8) * 17 + seed) & 0xff;
  return bytes;
}

/** Turns of the event loop in which whatever is under way comes to an end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}
