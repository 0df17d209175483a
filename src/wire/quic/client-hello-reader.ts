/**
 * Reads the ClientHello of a QUIC client before there is a connection, as the certificate is chosen by the
 * name in it. The endpoint gives it a client's first datagrams until there is an answer, keeps them, and
 * gives them to the engine then: they are not changed. One reader for each client; it holds no more than
 * `MAX_CLIENT_HELLO_BYTES` allows.
 */
import {
  type ClientHello,
  type ClientHelloFault,
  isClientHello,
  messageEnd,
  readClientHello,
} from "../tls-hello.ts";
import { CryptoBuffer, MAX_CLIENT_HELLO_BYTES } from "./crypto-buffer.ts";
import {
  clientInitialKeys,
  type InitialKeys,
  openInitial,
  type OpenedPacket,
  RESERVED_BITS,
} from "./initial-crypto.ts";
import { type InitialFramesFault, readInitialFrames } from "./initial-frames.ts";
import { PacketHeader, PacketType } from "./packet-header.ts";

/**
 * Initial packets of one client that are decrypted, with those that come twice as the rest got lost: the
 * largest ClientHello fills 14 datagrams of the least size.
 */
export const MAX_INITIAL_PACKETS = 32;

/** `undecryptable`: none of the packets was made with the keys of an Initial packet. */
export type InitialFault =
  | "undecryptable"
  | "too many packets"
  | "reserved bits"
  | InitialFramesFault
  | ClientHelloFault;

export type ClientHelloResult =
  | ClientHello
  | { readonly kind: "incomplete" }
  | { readonly kind: "invalid"; readonly reason: InitialFault };

const INCOMPLETE: ClientHelloResult = { kind: "incomplete" };

export class ClientHelloReader {
  readonly #version: number;
  readonly #dcid: Buffer;
  readonly #keys: InitialKeys;
  readonly #header = new PacketHeader();
  readonly #crypto = new CryptoBuffer();
  #packets = 0;
  #decrypted = 0;
  #result: ClientHelloResult = INCOMPLETE;

  /** `first`: a client's Initial packet, of version 1 or 2; it is not kept, and goes to `receive` as well. */
  constructor(first: PacketHeader) {
    this.#version = first.version;
    this.#dcid = Buffer.from(first.bytes.subarray(first.dcidStart, first.dcidEnd));
    this.#keys = clientInitialKeys(this.#version, this.#dcid);
  }

  /**
   * A datagram of the client. Packets in it that are not Initial, of another version or for another
   * connection ID are stepped over. After a hello or a fault the answer stays what it is.
   */
  receive(bytes: Buffer, start: number, end: number): ClientHelloResult {
    const header = this.#header;
    let at = start;
    while (this.#result === INCOMPLETE && header.parse(bytes, at, end, 0)) {
      if (this.#isOurs(header)) this.#result = this.#read(header);
      at = header.end;
    }
    if (this.#result === INCOMPLETE && this.#decrypted === 0) this.#result = invalid("undecryptable");
    return this.#result;
  }

  #isOurs(packet: PacketHeader): boolean {
    if (packet.type !== PacketType.initial || packet.version !== this.#version) return false;
    const { bytes, dcidStart, dcidEnd } = packet;
    return bytes.compare(this.#dcid, 0, this.#dcid.length, dcidStart, dcidEnd) === 0;
  }

  #read(packet: PacketHeader): ClientHelloResult {
    if (++this.#packets > MAX_INITIAL_PACKETS) return invalid("too many packets");
    const opened = openInitial(packet, this.#keys);
    // Anybody can send what cannot be opened: it is dropped, and says nothing about the client.
    if (opened === null) return INCOMPLETE;
    this.#decrypted++;
    const fault = this.#takeFrames(opened);
    if (fault !== null) return invalid(fault);
    const { bytes, contiguous } = this.#crypto;
    if (contiguous > 0 && !isClientHello(bytes[0])) return invalid("not a ClientHello");
    const helloEnd = messageEnd(bytes, 0, contiguous);
    if (helloEnd > MAX_CLIENT_HELLO_BYTES) return invalid("too large");
    return helloEnd > contiguous ? INCOMPLETE : readClientHello(bytes, 0, helloEnd);
  }

  #takeFrames(opened: OpenedPacket): InitialFault | null {
    if ((opened.firstOctet & RESERVED_BITS) !== 0) return "reserved bits";
    return readInitialFrames(opened.payload, this.#crypto);
  }
}

function invalid(reason: InitialFault): ClientHelloResult {
  return { kind: "invalid", reason };
}
