/**
 * Initial packets of a client, made by hand: for tests of what an endpoint does before there is a
 * connection. Protection is that of RFC 9001 section 5, with the keys of `wire/quic/initial-crypto.ts`.
 */
import { createCipheriv } from "node:crypto";
import { CryptoBuffer } from "../../src/wire/quic/crypto-buffer.ts";
import { clientInitialKeys, headerMask, nonceOf, openInitial } from "../../src/wire/quic/initial-crypto.ts";
import { readInitialFrames } from "../../src/wire/quic/initial-frames.ts";
import { PacketHeader } from "../../src/wire/quic/packet-header.ts";
import { QUIC_V1, QUIC_V2 } from "../../src/wire/quic/quic-version.ts";
import { varintSize, writeVarint } from "../../src/wire/quic/varint.ts";

export interface InitialParts {
  readonly version?: number;
  readonly dcid?: Uint8Array;
  readonly scid?: Uint8Array;
  readonly token?: Uint8Array;
  readonly packetNumber?: number;
  /** The first octet's low four bits: two reserved ones, and octets of the packet number less one. */
  readonly lowBits?: number;
  /** Frames. */
  readonly payload: Uint8Array;
}

/** The one of the appendices of RFC 9001 and RFC 9369. */
export const RFC_DCID: Buffer = Buffer.from("8394c8f03e515708", "hex");

const TAG_BYTES = 16;

/** A protected Initial packet; its length takes two octets, as in the appendices. */
export function initialPacket(parts: InitialParts): Buffer {
  const { version = QUIC_V1, dcid = RFC_DCID, scid = Buffer.alloc(0), token = Buffer.alloc(0) } = parts;
  const { packetNumber = 0, lowBits = 3, payload } = parts;
  const numberBytes = (lowBits & 3) + 1;
  const header = Buffer.concat([
    Buffer.from([(version === QUIC_V2 ? 0xd0 : 0xc0) | lowBits]),
    word(version),
    Buffer.from([dcid.length]),
    dcid,
    Buffer.from([scid.length]),
    scid,
    varint(token.length),
    token,
    Buffer.from([0x40 | ((numberBytes + payload.length + TAG_BYTES) >> 8)]),
    Buffer.from([(numberBytes + payload.length + TAG_BYTES) & 0xff]),
    word(packetNumber).subarray(4 - numberBytes),
  ]);
  return protect(header, payload, packetNumber, clientInitialKeys(version, dcid));
}

function protect(
  header: Buffer,
  payload: Uint8Array,
  packetNumber: number,
  keys: ReturnType<typeof clientInitialKeys>,
): Buffer {
  const cipher = createCipheriv("aes-128-gcm", keys.key, nonceOf(keys.iv, packetNumber));
  cipher.setAAD(header);
  const sealed = Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
  const packet = Buffer.concat([header, sealed]);
  const numberBytes = ((header[0] as number) & 3) + 1;
  const numberAt = header.length - numberBytes;
  const mask = headerMask(keys, packet.subarray(numberAt + 4, numberAt + 20));
  packet[0] = (packet[0] as number) ^ ((mask[0] as number) & 0x0f);
  for (let i = 0; i < numberBytes; i++)
    packet[numberAt + i] = (packet[numberAt + i] as number) ^ (mask[1 + i] as number);
  return packet;
}

export function varint(value: number): Buffer {
  const bytes = Buffer.alloc(varintSize(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

/** RFC 9000 section 19.6. */
export function cryptoFrame(offset: number, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0x06]), varint(offset), varint(data.length), data]);
}

/** PADDING up to so many octets. */
export function padded(frames: Uint8Array, bytes: number): Buffer {
  return Buffer.concat([frames, Buffer.alloc(Math.max(0, bytes - frames.length))]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The ClientHello in the first datagram of a client, which has all of it, and the client's connection ID. */
export function helloIn(datagram: Buffer): { readonly hello: Buffer; readonly scid: Buffer } {
  const packet = new PacketHeader();
  if (!packet.parse(datagram, 0, datagram.length, 0)) throw new Error("no packet of QUIC");
  const { bytes, dcidStart, dcidEnd, scidStart, scidEnd } = packet;
  const opened = openInitial(packet, clientInitialKeys(QUIC_V1, bytes.subarray(dcidStart, dcidEnd)));
  if (opened === null) throw new Error("no Initial packet of a client");
  const crypto = new CryptoBuffer();
  const fault = readInitialFrames(opened.payload, crypto);
  if (fault !== null) throw new Error(fault);
  return {
    hello: Buffer.from(crypto.bytes.subarray(0, crypto.contiguous)),
    scid: Buffer.from(bytes.subarray(scidStart, scidEnd)),
  };
}
