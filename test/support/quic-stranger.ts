/** Packets of QUIC that nobody has the keys of, and somebody who sends them from a network in memory. */
import { randomBytes } from "node:crypto";
import {
  UDP_END,
  UDP_RECORD_WORDS,
  UDP_START,
  type UdpAddress,
  type UdpBatch,
} from "../../src/fastpath/udp.ts";
import type { MemoryNetwork, MemoryUdp } from "./memory-udp.ts";

/** Somebody without an engine: sends octets, and keeps what comes. */
export class Stranger {
  readonly received: Buffer[] = [];
  readonly socket: MemoryUdp;
  readonly #to: UdpAddress;

  private constructor(socket: MemoryUdp, to: UdpAddress) {
    this.socket = socket;
    this.#to = to;
    socket.receive({
      onDatagrams: (batch) => this.#keep(batch),
      onDrain() {},
      onUnreachable() {},
      onError() {},
    });
  }

  static async at(network: MemoryNetwork, to: UdpAddress): Promise<Stranger> {
    const socket = await network.bind({ host: "127.0.0.1", port: 0, reusePort: false, bufferBytes: 0 });
    return new Stranger(socket, to);
  }

  send(bytes: Buffer): void {
    const at = this.socket.reserve(bytes.length);
    bytes.copy(this.socket.out, at);
    this.socket.send({ local: this.socket.local, remote: this.#to }, at, at + bytes.length, bytes.length);
    this.socket.flush();
  }

  #keep({ count, bytes, records }: UdpBatch): void {
    for (let i = 0; i < count; i++) {
      const at = i * UDP_RECORD_WORDS;
      this.received.push(Buffer.from(bytes.subarray(records[at + UDP_START], records[at + UDP_END])));
    }
  }
}

/** A long header with random connection IDs, padded: what is behind it can be opened by nobody. */
export function longPacket(version: number, size: number, dcidBytes = 8): Buffer {
  const packet = randomBytes(size);
  packet[0] = 0xc3;
  packet.writeUInt32BE(version, 1);
  packet[5] = dcidBytes;
  packet[6 + dcidBytes] = 8;
  const tokenAt = 15 + dcidBytes;
  packet[tokenAt] = 0;
  packet.writeUInt16BE(0x4000 | (size - tokenAt - 3), tokenAt + 1);
  return packet;
}

/** A short header, to a connection ID of this worker. */
export function shortPacket(size: number, worker = 0): Buffer {
  const packet = randomBytes(size);
  packet[0] = 0x40 | ((packet[0] as number) & 0x3f);
  packet[2] = worker;
  return packet;
}
