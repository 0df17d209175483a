/**
 * QUIC connections in memory: two links that keep the rules of streams (RFC 9000 sections 2 to 4), windows and
 * limits on streams among them. Nothing happens but in `turn`, so a test decides who is next.
 */
import type { QuicClose, QuicStats } from "../../src/fastpath/quic-engine.ts";
import type { QuicOwner } from "../../src/proxy/quic/quic-owner.ts";
import type { UdpPath } from "../../src/fastpath/udp.ts";
import type { QuicRelayLink } from "../../src/proxy/relay/quic-relay-link.ts";
import { udpAddress } from "./memory-udp.ts";

const SERVER = 1;
const UNIDIRECTIONAL = 2;
/** As `READ_ARENA_BYTES`. */
const MAX_READ_BYTES = 65_536;

const NO_STATS: QuicStats = {
  packetsReceived: 0,
  packetsSent: 0,
  packetsLost: 0,
  bytesReceived: 0,
  bytesSent: 0,
  roundTripMs: 0,
  congestionWindowBytes: 0,
  deliveryBytesPerSecond: 0,
};

export interface MemoryQuicOptions {
  readonly streamWindowBytes?: number;
  /** Open at once, of each kind, opened by either side. */
  readonly maxStreams?: number;
  readonly maxDatagrams?: number;
  readonly maxDatagramBytes?: number;
  readonly applicationProtocol?: string;
  readonly serverName?: string;
  readonly clientAddress?: string;
}

/** One direction of one stream. */
class Half {
  octets = Buffer.alloc(0);
  fin = false;
  resetCode = -1;
  stopCode = -1;
  senderDone = false;
  receiverDone = false;
  paused = false;
  blocked = false;
}

/** Index 0: what the client sends, 1: what the server sends. */
type Halves = [Half | null, Half | null];

export class MemoryQuic {
  readonly client: MemoryQuicLink;
  readonly server: MemoryQuicLink;
  readonly streams = new Map<number, Halves>();
  readonly options: Required<MemoryQuicOptions>;

  constructor(options: MemoryQuicOptions = {}) {
    this.options = {
      streamWindowBytes: 100_000,
      maxStreams: 100,
      maxDatagrams: 4,
      maxDatagramBytes: 1200,
      applicationProtocol: "raw",
      serverName: "raw.example",
      clientAddress: "192.0.2.1",
      ...options,
    };
    this.client = new MemoryQuicLink(this, 0);
    this.server = new MemoryQuicLink(this, SERVER);
  }

  /** Octets that were written and are not read. */
  get unreadBytes(): number {
    let sum = 0;
    for (const halves of this.streams.values()) for (const half of halves) sum += half?.octets.length ?? 0;
    return sum;
  }
}

export class MemoryQuicLink implements QuicRelayLink {
  owner!: QuicOwner;
  established = false;
  readonly remotePort = 40_000;
  readonly path: UdpPath = { local: udpAddress("10.0.0.9", 40_001), remote: udpAddress("10.0.0.1", 4433) };
  /** Packets there are none, but for those that a test says there were. */
  readonly packets = { packetsReceived: 0, packetsSent: 0 };
  pings = 0;
  readonly engine = {
    stats: (): QuicStats => ({ ...NO_STATS, ...this.packets }),
    ping: (): void => void (this.pings += 1),
  };
  readonly datagrams: Buffer[] = [];
  closing: QuicClose | null = null;
  allPaused = false;
  /** The handshake is not to be completed yet. */
  held = false;
  /** So, and the client's streams can be read. */
  early = false;
  readonly #net: MemoryQuic;
  readonly #me: 0 | 1;
  readonly #next: [number, number];
  /** A stream of the kind could not be opened, and the owner has not heard since that it can. */
  readonly #wanted: [boolean, boolean] = [false, false];
  #told = false;
  #woken = false;

  constructor(net: MemoryQuic, me: 0 | 1) {
    this.#net = net;
    this.#me = me;
    this.#next = [me, me | UNIDIRECTIONAL];
  }

  get applicationProtocol(): string {
    return this.#net.options.applicationProtocol;
  }

  get inEarlyData(): boolean {
    return this.early;
  }

  get remoteAddress(): string {
    return this.#net.options.clientAddress;
  }

  get serverName(): string {
    return this.#net.options.serverName;
  }

  get closed(): boolean {
    return this.#told;
  }

  get #peer(): MemoryQuicLink {
    return this.#me === 0 ? this.#net.server : this.#net.client;
  }

  openBidirectional(): number {
    return this.#open(0);
  }

  openUnidirectional(): number {
    return this.#open(1);
  }

  bidirectionalLeft(): number {
    return this.closing === null ? this.#left(0) : 0;
  }

  write(id: number, bytes: Buffer, start: number, end: number, fin: boolean): number {
    const half = this.#sending(id);
    if (half === null || half.senderDone || half.stopCode >= 0 || this.closing !== null) return -1;
    const taken = Math.min(end - start, this.#net.options.streamWindowBytes - half.octets.length);
    half.octets = Buffer.concat([half.octets, bytes.subarray(start, start + taken)]);
    if (taken < end - start) half.blocked = true;
    else if (fin) half.fin = half.senderDone = true;
    return taken;
  }

  reset(id: number, code: number): void {
    const half = this.#sending(id);
    if (half === null || half.senderDone) return;
    half.senderDone = true;
    half.resetCode = code;
    half.octets = Buffer.alloc(0);
  }

  stop(id: number, code: number): void {
    const half = this.#receiving(id);
    if (half === null || half.receiverDone) return;
    half.receiverDone = true;
    half.stopCode = code;
    half.octets = Buffer.alloc(0);
  }

  pause(id: number): void {
    const half = this.#receiving(id);
    if (half !== null) half.paused = true;
  }

  resume(id: number): void {
    const half = this.#receiving(id);
    if (half !== null) half.paused = false;
  }

  pauseAll(): void {
    this.allPaused = true;
  }

  resumeAll(): void {
    this.allPaused = false;
  }

  prioritise(): void {}

  /** Octets are acknowledged when they are read. */
  finished(id: number): boolean {
    return !this.#net.streams.has(id);
  }

  wake(): void {
    this.#woken = true;
  }

  sendDatagram(bytes: Buffer, start: number, end: number): boolean {
    const { maxDatagrams, maxDatagramBytes } = this.#net.options;
    const queue = this.#peer.datagrams;
    if (!this.established || queue.length >= maxDatagrams || end - start > maxDatagramBytes) return false;
    queue.push(Buffer.from(bytes.subarray(start, end)));
    return true;
  }

  close(code: number, reason: string): void {
    this.end({ by: "local", application: true, code, reason });
  }

  closeTransport(code: number, reason: string): void {
    this.end({ by: "local", application: false, code, reason });
  }

  abandon(): void {
    this.closing ??= { by: "local", application: false, code: 0, reason: "" };
  }

  /** Ends; the peer is told of it, unless it ends in silence. */
  end(reason: QuicClose): void {
    if (this.closing !== null) return;
    this.closing = reason;
    if (reason.by !== "timeout" && reason.by !== "reset") this.#peer.hear({ ...reason, by: "peer" });
  }

  hear(reason: QuicClose): void {
    this.#heard ??= reason;
  }

  #heard: QuicClose | null = null;

  flush(): void {}

  /** Everything that there is to be told; returns whether there was anything. */
  turn(): boolean {
    if (this.#told || this.owner === undefined || (this.held && this.closing === null)) return false;
    let moved = false;
    if (this.closing === null && !this.established && !this.early) {
      moved = this.established = true;
      this.owner.onEstablished();
    }
    for (const [id, halves] of this.#net.streams) moved = this.#tellStream(id, halves) || moved;
    moved = this.#tellRest() || moved || this.#woken;
    this.#woken = false;
    if (moved && this.closing === null) this.owner.beforeSend?.();
    this.closing ??= this.#heard;
    if (this.closing === null) return moved;
    this.#told = true;
    this.owner.onClosed(this.closing);
    return true;
  }

  #tellRest(): boolean {
    let moved = false;
    while (this.closing === null && this.datagrams.length > 0) {
      const datagram = this.datagrams.shift() as Buffer;
      this.owner.onDatagram(datagram, 0, datagram.length);
      moved = true;
    }
    if (this.closing !== null || !(this.#allowsMore(0) || this.#allowsMore(1))) return moved;
    this.#wanted.fill(false);
    this.owner.onStreamsAllowed();
    return true;
  }

  #allowsMore(kind: 0 | 1): boolean {
    return this.#wanted[kind] && this.#left(kind) > 0;
  }

  #tellStream(id: number, halves: Halves): boolean {
    let moved = this.#tellReceived(id, halves[1 - this.#me] as Half | null);
    moved = this.#tellSent(id, halves[this.#me]) || moved;
    if (halves.every((half) => half === null || (half.senderDone && half.receiverDone)))
      this.#net.streams.delete(id);
    return moved;
  }

  #tellReceived(id: number, half: Half | null): boolean {
    if (half === null || half.receiverDone || half.paused || this.allPaused || this.closing !== null)
      return false;
    if (half.resetCode >= 0) {
      half.receiverDone = true;
      this.owner.onStreamReset(id, half.resetCode);
      return true;
    }
    if (half.octets.length === 0 && !half.fin) return false;
    const read = half.octets.subarray(0, MAX_READ_BYTES);
    half.octets = half.octets.subarray(read.length);
    const fin = half.fin && half.octets.length === 0;
    half.receiverDone = fin;
    this.owner.onStreamData(id, read, 0, read.length, fin);
    return true;
  }

  #tellSent(id: number, half: Half | null): boolean {
    if (half === null || half.senderDone || this.closing !== null) return false;
    if (half.stopCode >= 0) {
      half.senderDone = true;
      this.owner.onStreamStopped(id, half.stopCode);
      return true;
    }
    if (!half.blocked || half.octets.length >= this.#net.options.streamWindowBytes) return false;
    half.blocked = false;
    this.owner.onStreamWritable(id);
    return true;
  }

  #left(kind: 0 | 1): number {
    let open = 0;
    for (const id of this.#net.streams.keys()) if ((id & 3) === (this.#me | (kind << 1))) open += 1;
    return this.#net.options.maxStreams - open;
  }

  #open(kind: 0 | 1): number {
    if (this.closing !== null) return -1;
    if (this.#left(kind) <= 0) {
      this.#wanted[kind] = true;
      return -1;
    }
    const id = this.#next[kind];
    this.#next[kind] += 4;
    const halves: Halves = [new Half(), new Half()];
    if (kind === 1) halves[1 - this.#me] = null;
    this.#net.streams.set(id, halves);
    return id;
  }

  #sending(id: number): Half | null {
    return this.#net.streams.get(id)?.[this.#me] ?? null;
  }

  #receiving(id: number): Half | null {
    return this.#net.streams.get(id)?.[1 - this.#me] ?? null;
  }
}
