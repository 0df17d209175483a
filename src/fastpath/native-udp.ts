/**
 * Datagram sockets on the addon (`native/udp`): everything that came in a turn of the event loop comes in
 * one call, and what it made the owner send goes out when that call returns, many datagrams in a system
 * call. `open-udp.ts` makes it, `udp.ts` is what it does.
 */
import { getSystemErrorName } from "node:util";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { NativeAddon, NativeUdpHandle } from "./native-addon.ts";
import {
  STATE_ADDRESS,
  STATE_BLOCKED,
  STATE_DROPPED,
  STATE_PORT,
  STATE_WORDS,
  UDP_SEGMENT,
  UNREACHABLE_ERROR,
  UNREACHABLE_PORT,
  UNREACHABLE_REMOTE,
  UNREACHABLE_WORDS,
} from "./native-udp-layout.ts";
import {
  MAX_UDP_RESERVE_BYTES,
  MAX_UDP_SEGMENTS,
  UDP_END,
  UDP_LOCAL,
  UDP_RECORD_WORDS,
  UDP_REMOTE,
  UDP_REMOTE_PORT,
  UDP_SCOPE,
  UDP_START,
  type UdpAddress,
  type UdpBatch,
  type UdpOptions,
  type UdpOwner,
  type UdpPath,
  type UdpSocket,
  type UdpSockets,
} from "./udp.ts";

/** Received octets of a batch: 32 messages of the kernel, each with room for the largest there can be. */
const SLAB_BYTES = 32 * 65_536;

/** Datagrams of a batch: 32 messages of 64 segments each. More make another batch. */
const RECEIVED = 2048;

/** Encoded octets of a batch: eight full runs, or 400 datagrams of 1200 octets. More are sent in parts. */
const OUT_BYTES = 512 * 1024;

/** Runs of a batch; more are sent in parts. */
const STAGED = 512;

/** Peers of which one batch can tell that they cannot be reached; others wait for the next. */
const UNREACHABLE = 64;

export class NativeUdp implements UdpSockets {
  readonly kind = "native";
  readonly #clock: Clock;
  readonly #addon: NativeAddon;
  /** One for all sockets: it is filled and used within one call. */
  readonly #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  readonly #received = new Uint32Array(RECEIVED * UDP_RECORD_WORDS);

  constructor(clock: Clock, addon: NativeAddon) {
    this.#clock = clock;
    this.#addon = addon;
  }

  bind(options: UdpOptions): Promise<UdpSocket> {
    return new Promise((resolve) => {
      resolve(new NativeUdpSocket(this.#clock, this.#addon, options, this.#slab, this.#received));
    });
  }
}

/** What it tells its owner of a batch; one for all batches. */
class Batch implements UdpBatch {
  count = 0;
  readonly bytes: Buffer;
  readonly records: Uint32Array;

  constructor(bytes: Buffer, records: Uint32Array) {
    this.bytes = bytes;
    this.records = records;
  }
}

class NativeUdpSocket implements UdpSocket {
  readonly local: UdpAddress;
  readonly out: Buffer = Buffer.allocUnsafeSlow(OUT_BYTES);
  readonly #clock: Clock;
  readonly #handle: NativeUdpHandle;
  readonly #batch: Batch;
  readonly #staged = new Uint32Array(STAGED * UDP_RECORD_WORDS);
  readonly #unreachable = new Uint32Array(UNREACHABLE * UNREACHABLE_WORDS);
  readonly #state = new Uint32Array(STATE_WORDS);
  #owner: UdpOwner | null = null;
  /** Octets of `out` that are staged, and records. */
  #used = 0;
  #count = 0;
  #open = true;

  /** Throws what the kernel says when the address cannot be bound. */
  constructor(clock: Clock, addon: NativeAddon, options: UdpOptions, slab: Buffer, received: Uint32Array) {
    this.#clock = clock;
    this.#batch = new Batch(slab, received);
    this.#handle = new addon.UdpSocket(
      options,
      {
        slab,
        received,
        unreachable: this.#unreachable,
        out: this.out,
        staged: this.#staged,
        state: this.#state,
      },
      (datagrams, unreachable, drained, errno) => this.#onBatch(datagrams, unreachable, drained, errno),
    );
    const words = this.#state.slice(STATE_ADDRESS, STATE_ADDRESS + 4);
    this.local = { words, port: this.#state[STATE_PORT] as number };
  }

  get fd(): number {
    return this.#handle.fd();
  }

  get droppedDatagrams(): number {
    return this.#state[STATE_DROPPED] as number;
  }

  // Sending.

  reserve(size: number): number {
    assert(size <= MAX_UDP_RESERVE_BYTES, "reservation over the limit");
    if (OUT_BYTES - this.#used < size) this.flush();
    return this.#used;
  }

  send(path: UdpPath, start: number, end: number, segmentBytes: number): boolean {
    assert(end - start <= segmentBytes * MAX_UDP_SEGMENTS, "a run of too many datagrams");
    if (!this.#open) return true;
    const { local, remote } = path;
    const record = this.#staged;
    const at = this.#count * UDP_RECORD_WORDS;
    record[at + UDP_START] = start;
    record[at + UDP_END] = end;
    putWords(record, at + UDP_REMOTE, remote.words);
    record[at + UDP_REMOTE_PORT] = remote.port;
    putWords(record, at + UDP_LOCAL, local.words);
    record[at + UDP_SCOPE] = remote.scope ?? 0;
    record[at + UDP_SEGMENT] = segmentBytes;
    this.#used = end;
    this.#count += 1;
    if (this.#count === STAGED) this.flush();
    return this.#state[STATE_BLOCKED] === 0;
  }

  flush(): void {
    const count = this.#take();
    if (count > 0) this.#handle.submit(count);
  }

  #take(): number {
    const count = this.#count;
    this.#count = 0;
    this.#used = 0;
    return count;
  }

  // Receiving.

  receive(owner: UdpOwner): void {
    assert(this.#owner === null, "a socket has one owner");
    this.#owner = owner;
    this.#handle.receive();
  }

  close(): void {
    if (!this.#open) return;
    this.flush();
    this.#open = false;
    this.#handle.close();
  }

  #onBatch(datagrams: number, unreachable: number, drained: boolean, errno: number): number {
    this.#clock.refresh();
    const owner = this.#owner as UdpOwner;
    if (errno !== 0) {
      this.close();
      owner.onError(errorName(errno));
      return 0;
    }
    for (let index = 0; index < unreachable && this.#open; index++) this.#tellUnreachable(owner, index);
    if (datagrams > 0 && this.#open) {
      this.#batch.count = datagrams;
      owner.onDatagrams(this.#batch);
    }
    if (drained && this.#open) owner.onDrain();
    return this.#take();
  }

  #tellUnreachable(owner: UdpOwner, index: number): void {
    const told = this.#unreachable;
    const at = index * UNREACHABLE_WORDS;
    const words = told.slice(at + UNREACHABLE_REMOTE, at + UNREACHABLE_REMOTE + 4);
    const port = told[at + UNREACHABLE_PORT] as number;
    owner.onUnreachable({ words, port }, errorName(told[at + UNREACHABLE_ERROR] as number));
  }
}

function putWords(record: Uint32Array, at: number, words: Uint32Array): void {
  record[at] = words[0] as number;
  record[at + 1] = words[1] as number;
  record[at + 2] = words[2] as number;
  record[at + 3] = words[3] as number;
}

/** `ECONNREFUSED` for 111. */
function errorName(errno: number): string {
  return getSystemErrorName(-errno);
}
