/** What the contract of QUIC engines works with: settings, and two ends joined by a network in memory. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { parseIp } from "../base/ip.ts";
import { CertificateAuthority } from "../../test/support/certificates.ts";
import { pause } from "../../test/support/wait-for.ts";
import {
  type QuicClientContext,
  type QuicClientSettings,
  type QuicConnectionEngine,
  type QuicEngine,
  type QuicServerContext,
  type QuicServerSettings,
  type QuicTransportSettings,
  StreamResult,
} from "./quic-engine.ts";
import type { UdpAddress, UdpPath } from "./udp.ts";

export interface QuicEngineTraits {
  readonly name: string;
  readonly engine: QuicEngine;
  /** Makes connections of the context send early data when they resume; the gateway itself never does. */
  readonly offerEarlyData: (context: QuicClientContext) => void;
}

export const NAME = "server.example.test";
export const authority = new CertificateAuthority("The Contract's Authority");
export const stranger = new CertificateAuthority("Nobody's Authority");
export const identity = authority.issue({ names: [NAME, "192.0.2.1", "2001:db8::1"] });

const MAX_PACKET_BYTES = 1350;
export const ID_BYTES = 12;
export const RESET_TOKEN_BYTES = 16;

/** Far above what anything here takes. */
const BOUND = { timeout: 60_000 };
const WAIT_MS = 10_000;
/** Rounds of one exchange without any wait: two ends that never come to rest are a fault. */
const MAX_ROUNDS = 20_000;

export function transportSettings(changes: Partial<QuicTransportSettings> = {}): QuicTransportSettings {
  return {
    maxIdleTimeoutMs: 30_000,
    maxReceivePayloadBytes: 65_527,
    maxSendPayloadBytes: MAX_PACKET_BYTES,
    connectionWindowBytes: 1_000_000,
    streamWindowBytes: 200_000,
    maxBidirectionalStreams: 100,
    maxUnidirectionalStreams: 10,
    disableActiveMigration: true,
    maxQueuedDatagrams: 0,
    congestionControl: "cubic",
    ...changes,
  };
}

/** What every engine takes. */
export const LARGEST: Partial<QuicTransportSettings> = {
  maxIdleTimeoutMs: 2 ** 30 - 1,
  connectionWindowBytes: 2 ** 30 - 1,
  streamWindowBytes: 2 ** 30 - 1,
  maxBidirectionalStreams: 2 ** 14 - 1,
  maxUnidirectionalStreams: 2 ** 14 - 1,
  disableActiveMigration: false,
  maxQueuedDatagrams: 65_536,
};

export function serverSettings(changes: Partial<QuicServerSettings> = {}): QuicServerSettings {
  return {
    transport: transportSettings(),
    alpn: ["h3"],
    identity,
    ticketKey: null,
    earlyData: false,
    keyLogPath: "",
    ...changes,
  };
}

export function clientSettings(changes: Partial<QuicClientSettings> = {}): QuicClientSettings {
  return {
    transport: transportSettings(),
    alpn: ["h3"],
    caPem: authority.rootPem,
    verifyPeer: true,
    serverName: NAME,
    verifyName: NAME,
    keyLogPath: "",
    ...changes,
  };
}

export function address(host: string, port: number): UdpAddress {
  const words = new Uint32Array(4);
  assert.notEqual(parseIp(host, words), 0);
  return { words, port };
}

export const SERVER = address("192.0.2.1", 443);
export const CLIENT = address("198.51.100.7", 50_000);

/** What arrives of the packets of one round, in which order; they are copies and may be changed. */
export type Fault = (packets: Buffer[]) => Buffer[];

const NO_FAULT: Fault = (packets) => packets;

export interface NetworkOptions {
  readonly server?: UdpAddress;
  readonly client?: UdpAddress;
  readonly fault?: Fault;
  readonly resetToken?: Buffer;
}

/** A client, the server that its first packet makes, and what is between them. */
export class Network {
  readonly client: QuicConnectionEngine;
  #server: QuicConnectionEngine | null = null;
  readonly clientPath: UdpPath;
  /** The server's view. */
  readonly serverPath: UdpPath;
  fault: Fault;
  readonly resetToken: Buffer;
  readonly serverId = randomBytes(ID_BYTES);
  /** After a Retry, which carried `serverId`. */
  originalDcid: Buffer | null = null;
  /** Every packet that was sent, the client's and the server's, while it is set. */
  record: { client: Buffer[]; server: Buffer[] } | null = null;
  readonly #engine: QuicEngine;
  readonly #context: QuicServerContext;
  readonly #slab = Buffer.alloc(MAX_PACKET_BYTES);
  readonly #dueMs = new Map<QuicConnectionEngine, number>();

  constructor(
    engine: QuicEngine,
    server: QuicServerContext,
    client: QuicClientContext,
    options: NetworkOptions = {},
  ) {
    this.#engine = engine;
    this.#context = server;
    const { client: from = CLIENT, server: to = SERVER } = options;
    this.clientPath = { local: from, remote: to };
    this.serverPath = { local: to, remote: from };
    this.fault = options.fault ?? NO_FAULT;
    this.resetToken = options.resetToken ?? randomBytes(RESET_TOKEN_BYTES);
    const made = engine.connect(client, randomBytes(ID_BYTES), this.clientPath);
    assert.ok(made !== null);
    this.client = made;
  }

  get server(): QuicConnectionEngine {
    assert.ok(this.#server !== null, "a packet of the client has arrived");
    return this.#server;
  }

  get accepted(): boolean {
    return this.#server !== null;
  }

  /** Passes packets on until both are quiet. */
  settle(): void {
    for (let round = 0; this.#pass(); round++) assert.ok(round < MAX_ROUNDS, "both ends come to rest");
  }

  /** Passes packets on and lets time pass until it is so. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + WAIT_MS;
    for (;;) {
      this.settle();
      if (isSo()) return;
      assert.ok(performance.now() < deadline, `waited in vain for ${what}`);
      await pause(Math.min(this.#runTimers(), 20));
    }
  }

  /** Milliseconds until the next timer. */
  #runTimers(): number {
    let nextMs = 20;
    for (const end of this.#ends()) {
      const now = performance.now();
      if ((this.#dueMs.get(end) ?? Infinity) <= now) end.onTimeout();
      const timeoutMs = end.timeoutMs();
      assert.ok(timeoutMs >= 0);
      this.#dueMs.set(end, now + timeoutMs);
      nextMs = Math.min(nextMs, timeoutMs);
    }
    return Math.max(1, nextMs);
  }

  #ends(): QuicConnectionEngine[] {
    return this.#server === null ? [this.client] : [this.client, this.#server];
  }

  #pass(): boolean {
    const fromClient = this.packetsOf(this.client);
    this.record?.client.push(...fromClient);
    for (const packet of this.fault(fromClient)) this.toServer(packet);
    if (this.#server === null) return fromClient.length > 0;
    const fromServer = this.packetsOf(this.#server);
    this.record?.server.push(...fromServer);
    for (const packet of this.fault(fromServer)) this.toClient(packet);
    return fromClient.length + fromServer.length > 0;
  }

  /** All that an end has to say now. */
  packetsOf(end: QuicConnectionEngine): Buffer[] {
    const packets: Buffer[] = [];
    for (let sent = 0; sent < MAX_ROUNDS; sent++) {
      const length = end.nextPacket(this.#slab, 0, this.#slab.length);
      if (length === 0) return packets;
      packets.push(Buffer.from(this.#slab.subarray(0, length)));
    }
    return assert.fail("an end comes to rest");
  }

  deliver(packet: Buffer, to: QuicConnectionEngine): void {
    if (to === this.client) this.toClient(packet);
    else this.toServer(packet);
  }

  toClient(packet: Buffer): void {
    this.client.receive(packet, 0, packet.length);
  }

  toServer(packet: Buffer): void {
    this.#server ??= this.#engine.accept(
      this.#context,
      { scid: this.serverId, originalDcid: this.originalDcid, resetToken: this.resetToken },
      this.serverPath,
    );
    this.server.receive(packet, 0, packet.length);
  }
}

/** One per direction: what `read` gives. */
export interface ReadStream {
  bytes: Buffer;
  fin: boolean;
  /** The last result: a length, or a `StreamResult`. */
  result: number;
}

/** Reads what is there of a stream. */
export function read(end: QuicConnectionEngine, id: number): ReadStream {
  const chunks: Buffer[] = [];
  const target = Buffer.alloc(10_000);
  for (;;) {
    const result = end.readStream(id, target, 100, target.length);
    if (result < 0) return { bytes: Buffer.concat(chunks), fin: false, result };
    chunks.push(Buffer.from(target.subarray(100, 100 + result)));
    if (end.streamFin) return { bytes: Buffer.concat(chunks), fin: true, result };
  }
}

/** Writes what is taken of a text; `fin` with it. */
export function write(end: QuicConnectionEngine, id: number, text: string, fin = false): number {
  const bytes = Buffer.from(`--${text}--`);
  return end.writeStream(id, bytes, 2, bytes.length - 2, fin);
}

/** Sends all of it, while the other end reads it. */
export async function transfer(
  network: Network,
  [from, to]: readonly [QuicConnectionEngine, QuicConnectionEngine],
  id: number,
  body: Buffer,
): Promise<Buffer> {
  const received: Buffer[] = [];
  let written = 0;
  let fin = false;
  const step = (): boolean => {
    network.settle();
    if (written < body.length) {
      const taken = from.writeStream(id, body, written, body.length, true);
      if (taken !== StreamResult.blocked) assert.ok(taken >= 0, `write: ${taken}`);
      written += Math.max(0, taken);
    }
    network.settle();
    if (!to.streamReadable(id)) return false;
    const part = read(to, id);
    received.push(part.bytes);
    fin ||= part.fin;
    return true;
  };
  await network.until(`${body.length} octets on stream ${id}`, () => {
    while (!fin && step());
    return fin;
  });
  return Buffer.concat(received);
}

export interface Settings {
  readonly server?: Partial<QuicServerSettings>;
  readonly client?: Partial<QuicClientSettings>;
}

export function pair(traits: QuicEngineTraits, settings: Settings = {}, options?: NetworkOptions): Network {
  const { engine } = traits;
  return new Network(
    engine,
    engine.server(serverSettings(settings.server)),
    engine.client(clientSettings(settings.client)),
    options,
  );
}

/** Both ends have completed the handshake, and have nothing more to say. */
export async function connected(
  traits: QuicEngineTraits,
  settings?: Settings,
  options?: NetworkOptions,
): Promise<Network> {
  const network = pair(traits, settings, options);
  await establish(network);
  return network;
}

export async function establish(network: Network): Promise<void> {
  await network.until(
    "the handshake",
    () => network.client.established && network.accepted && network.server.established,
  );
}

/** Both ends, one as the sender. */
export function directions(
  network: Network,
): readonly (readonly [QuicConnectionEngine, QuicConnectionEngine])[] {
  return [
    [network.client, network.server],
    [network.server, network.client],
  ];
}

/** The first stream IDs of an end (RFC 9000 section 2.1). */
export function firstIds(network: Network, end: QuicConnectionEngine): { both: number; own: number } {
  return end === network.client ? { both: 0, own: 2 } : { both: 1, own: 3 };
}

export type EngineTest = (what: string, body: () => Promise<void> | void) => void;

export function namedTest({ name }: QuicEngineTraits): EngineTest {
  return (what, body) => {
    test(`${name}: ${what}`, BOUND, body);
  };
}
