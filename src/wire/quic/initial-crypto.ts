/**
 * Protection of a client's Initial packets, whose keys everybody can derive (RFC 9001 section 5.2; RFC 9369
 * section 3.3 for version 2). `client-hello-reader.ts` opens packets with it before there is a connection;
 * they are left as they are, for the engine to open again.
 */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import type { PacketHeader } from "./packet-header.ts";
import { QUIC_V2 } from "./quic-version.ts";

/** What one side protects its Initial packets with. */
export interface InitialKeys {
  readonly key: Buffer;
  readonly iv: Buffer;
  readonly headerProtection: Buffer;
}

/** A packet without its protection. */
export interface OpenedPacket {
  readonly firstOctet: number;
  /** As far as it stands in the packet; a client's first packets have small ones. */
  readonly packetNumber: number;
  /** Frames. */
  readonly payload: Buffer;
}

/** Bits of an opened first octet that must be 0 (RFC 9000 section 17.2). */
export const RESERVED_BITS = 0x0c;

const KEY_BYTES = 16;
const IV_BYTES = 12;
const HASH_BYTES = 32;
const TAG_BYTES = 16;
const SAMPLE_BYTES = 16;
/** The sample is taken as if the packet number had so many octets, its most (RFC 9001 section 5.4.2). */
const SAMPLE_OFFSET = 4;
const LONG_HEADER_BITS = 0x0f;

const CLIENT_LABEL = hkdfLabel("client in", HASH_BYTES);
const SERVER_LABEL = hkdfLabel("server in", HASH_BYTES);

const V1 = {
  salt: Buffer.from("38762cf7f55934b34d179ae6a4c80cadccbb7f0a", "hex"),
  key: hkdfLabel("quic key", KEY_BYTES),
  iv: hkdfLabel("quic iv", IV_BYTES),
  headerProtection: hkdfLabel("quic hp", KEY_BYTES),
};
const V2 = {
  salt: Buffer.from("0dede3def700a6db819381be6e269dcbf9bd2ed9", "hex"),
  key: hkdfLabel("quicv2 key", KEY_BYTES),
  iv: hkdfLabel("quicv2 iv", IV_BYTES),
  headerProtection: hkdfLabel("quicv2 hp", KEY_BYTES),
};

/** The client's keys, by version (1 or 2) and the Destination Connection ID of its first packet. */
export function clientInitialKeys(version: number, dcid: Uint8Array): InitialKeys {
  return initialKeys(version, dcid, CLIENT_LABEL);
}

/** The keys of the server that answers it. */
export function serverInitialKeys(version: number, dcid: Uint8Array): InitialKeys {
  return initialKeys(version, dcid, SERVER_LABEL);
}

function initialKeys(version: number, dcid: Uint8Array, side: Buffer): InitialKeys {
  const labels = version === QUIC_V2 ? V2 : V1;
  const initialSecret = createHmac("sha256", labels.salt).update(dcid).digest();
  const secret = expand(initialSecret, side, HASH_BYTES);
  return {
    key: expand(secret, labels.key, KEY_BYTES),
    iv: expand(secret, labels.iv, IV_BYTES),
    headerProtection: expand(secret, labels.headerProtection, KEY_BYTES),
  };
}

/** Removes the protection of an Initial packet into new buffers; `null`: it was not made with these keys. */
export function openInitial(packet: PacketHeader, keys: InitialKeys): OpenedPacket | null {
  const { bytes, start, payloadStart, end } = packet;
  const sampleAt = payloadStart + SAMPLE_OFFSET;
  if (sampleAt + SAMPLE_BYTES > end) return null;
  const mask = headerMask(keys, bytes.subarray(sampleAt, sampleAt + SAMPLE_BYTES));
  const firstOctet = (bytes[start] as number) ^ ((mask[0] as number) & LONG_HEADER_BITS);
  const numberBytes = (firstOctet & 3) + 1;
  const sealedAt = payloadStart + numberBytes;
  const header = Buffer.from(bytes.subarray(start, sealedAt));
  header[0] = firstOctet;
  const numberAt = payloadStart - start;
  for (let i = 0; i < numberBytes; i++)
    header[numberAt + i] = (header[numberAt + i] as number) ^ (mask[1 + i] as number);
  const packetNumber = header.readUIntBE(numberAt, numberBytes);
  const payload = openSealed(bytes.subarray(sealedAt, end), header, keys.key, nonceOf(keys.iv, packetNumber));
  return payload === null ? null : { firstOctet, packetNumber, payload };
}

/** RFC 9001 section 5.4.3: the first octet is for the header's first, the others for the packet number. */
export function headerMask(keys: InitialKeys, sample: Uint8Array): Buffer {
  return createCipheriv("aes-128-ecb", keys.headerProtection, null).update(sample);
}

/** RFC 9001 section 5.3. A packet number of an Initial packet has at most 32 bits on the wire. */
export function nonceOf(iv: Buffer, packetNumber: number): Buffer {
  const nonce = Buffer.from(iv);
  nonce.writeUInt32BE((nonce.readUInt32BE(IV_BYTES - 4) ^ packetNumber) >>> 0, IV_BYTES - 4);
  return nonce;
}

function openSealed(sealed: Buffer, header: Buffer, key: Buffer, nonce: Buffer): Buffer | null {
  const tagAt = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv("aes-128-gcm", key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(header);
  decipher.setAuthTag(sealed.subarray(tagAt));
  const payload = decipher.update(sealed.subarray(0, tagAt));
  try {
    decipher.final();
  } catch {
    // That is how node:crypto says that the tag is not the one of these octets.
    return null;
  }
  return payload;
}

/** HKDF-Expand-Label without context (RFC 8446 section 7.1), of at most one block of the hash. */
function expand(secret: Buffer, info: Buffer, length: number): Buffer {
  return createHmac("sha256", secret).update(info).digest().subarray(0, length);
}

/** The `HkdfLabel`, and the number of the block, which HKDF-Expand puts behind it (RFC 5869 section 2.3). */
function hkdfLabel(label: string, length: number): Buffer {
  const text = Buffer.from(`tls13 ${label}`, "latin1");
  return Buffer.concat([Buffer.from([length >> 8, length & 0xff, text.length]), text, Buffer.from([0, 1])]);
}
