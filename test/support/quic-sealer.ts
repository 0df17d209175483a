/**
 * Seals frames of any kind into packets with the secrets of a connection's key log (RFC 9001 section 5), so that
 * the other end believes them to be its peer's. The end that the secrets are of must be silent from then on.
 */
import assert from "node:assert/strict";
import { createCipheriv, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

const NUMBER_BYTES = 4;
const SAMPLE_BYTES = 16;
/** Short header, fixed bit, packet number of four octets. */
const FIRST_OCTET = 0x43;
/** Packet numbers from here on: the client has used few. */
const FIRST_NUMBER = 1000;

const BY_KEY_BYTES = { 16: ["aes-128-gcm", "aes-128-ecb"], 32: ["aes-256-gcm", "aes-256-ecb"] } as const;

/** A secret of a client, as a key log of NSS has it. */
export function clientSecret(keyLogPath: string): Buffer {
  const secret = /^CLIENT_TRAFFIC_SECRET_0 \w+ (\w+)$/m.exec(readFileSync(keyLogPath, "latin1"))?.[1];
  assert.ok(secret !== undefined, "the key log has the client's secret");
  return Buffer.from(secret, "hex");
}

export class QuicSealer {
  readonly #key: Buffer;
  readonly #iv: Buffer;
  readonly #protection: Buffer;
  readonly #names: readonly [string, string];
  #number = FIRST_NUMBER;

  constructor(secret: Buffer) {
    // A secret is as long as its hash: SHA-256 with AES-128, SHA-384 with AES-256.
    const keyBytes = secret.length === 32 ? 16 : 32;
    this.#names = BY_KEY_BYTES[keyBytes];
    this.#key = expand(secret, "quic key", keyBytes);
    this.#iv = expand(secret, "quic iv", 12);
    this.#protection = expand(secret, "quic hp", keyBytes);
  }

  /** One packet with these octets for frames, to this connection ID of the other end. */
  seal(frames: Uint8Array, id: Buffer): Buffer {
    const number = this.#number++;
    const header = Buffer.alloc(1 + id.length + NUMBER_BYTES);
    header[0] = FIRST_OCTET;
    id.copy(header, 1);
    header.writeUInt32BE(number, 1 + id.length);
    const nonce = Buffer.from(this.#iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ number) >>> 0, 8);
    const cipher = createCipheriv(this.#names[0] as "aes-128-gcm", this.#key, nonce);
    cipher.setAAD(header);
    const sealed = Buffer.concat([cipher.update(frames), cipher.final(), cipher.getAuthTag()]);
    return this.#protect(Buffer.concat([header, sealed]), 1 + id.length);
  }

  /** RFC 9001 section 5.4: the number is as long as it can be, so the sample begins right behind it. */
  #protect(packet: Buffer, numberAt: number): Buffer {
    const sampleAt = numberAt + NUMBER_BYTES;
    const sample = packet.subarray(sampleAt, sampleAt + SAMPLE_BYTES);
    const mask = createCipheriv(this.#names[1], this.#protection, null).update(sample);
    packet[0] = (packet[0] as number) ^ ((mask[0] as number) & 0x1f);
    for (let i = 0; i < NUMBER_BYTES; i++)
      packet[numberAt + i] = (packet[numberAt + i] as number) ^ (mask[1 + i] as number);
    return packet;
  }
}

/** HKDF-Expand-Label (RFC 8446 section 7.1) with an empty context. */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0])]);
  return hkdfExpand(secret, info, length);
}

function hkdfExpand(secret: Buffer, info: Buffer, length: number): Buffer {
  const hash = secret.length === 32 ? "sha256" : "sha384";
  return createHmac(hash, secret)
    .update(info)
    .update(Buffer.from([1]))
    .digest()
    .subarray(0, length);
}
