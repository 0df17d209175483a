/**
 * A TLS 1.3 client (RFC 8446) that can do what no library lets one do: any name in the SNI extension,
 * KeyUpdates by the thousand, records of any type and length. It speaks X25519 and AES-128-GCM only, and
 * believes everybody.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ByteQueue } from "./byte-queue.ts";
import { within } from "./wait-for.ts";

export const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

const MESSAGE = { clientHello: 1, finished: 20, keyUpdate: 24 } as const;

const HASH_BYTES = 32;
const TAG_BYTES = 16;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** The SubjectPublicKeyInfo of an X25519 key, up to its 32 octets. */
const X25519_PREFIX = Buffer.from("302a300506032b656e032100", "hex");

export interface HelloOptions {
  /** Where to connect to; default: the loopback address. */
  readonly host?: string;
  /** Octets of the host name; `null`: no such extension. */
  readonly serverName?: Buffer | null;
  readonly alpn?: readonly string[];
}

interface Keys {
  secret: Buffer;
  key: Buffer;
  iv: Buffer;
  sequence: bigint;
}

export class Tls13Client {
  readonly socket: Socket;
  readonly #received = new ByteQueue();
  #ended = false;
  #happened: () => void = () => {};
  readonly #keyPair = generateKeyPairSync("x25519");
  #transcript: Buffer[] = [];
  #write: Keys | null = null;
  #read: Keys | null = null;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#received.append(bytes);
      this.#happened();
    });
    socket.on("error", () => {});
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.#ended = true;
        this.#happened();
      });
    }
  }

  /** The server has sent FIN or RST, or there was an error. */
  get ended(): boolean {
    return this.#ended;
  }

  async #take(count: number): Promise<Buffer> {
    while (this.#received.length < count) {
      if (this.#ended) throw new Error("the server has closed");
      await new Promise<void>((resolve) => {
        this.#happened = resolve;
      });
    }
    return this.#received.take(count);
  }

  /** With TCP only. */
  static async connect(port: number, host = "127.0.0.1"): Promise<Tls13Client> {
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
    await once(socket, "connect");
    return new Tls13Client(socket);
  }

  /** With TLS. */
  static async open(port: number, options: HelloOptions = {}): Promise<Tls13Client> {
    const client = await Tls13Client.connect(port, options.host);
    await within("a handshake", HANDSHAKE_TIMEOUT_MS, client.handshake(options));
    return client;
  }

  /** A whole ClientHello in a record. */
  hello(options: HelloOptions = {}): Buffer {
    const message = clientHello(this.#keyPair.publicKey, options);
    this.#transcript = [message];
    return record(CONTENT.handshake, message);
  }

  async handshake(options: HelloOptions): Promise<void> {
    this.socket.write(this.hello(options));
    const serverHello = (await this.readRecord()).content;
    const shared = diffieHellman({
      privateKey: this.#keyPair.privateKey,
      publicKey: keyShareOf(serverHello),
    });
    this.#transcript.push(serverHello);
    const early = extract(Buffer.alloc(HASH_BYTES), Buffer.alloc(HASH_BYTES));
    const handshake = extract(derived(early), shared);
    this.#read = keys(this.#secret(handshake, "s hs traffic"));
    this.#write = keys(this.#secret(handshake, "c hs traffic"));
    await this.#readFlight();
    const master = extract(derived(handshake), Buffer.alloc(HASH_BYTES));
    const clientSecret = this.#secret(master, "c ap traffic");
    const serverSecret = this.#secret(master, "s ap traffic");
    const finishedKey = expandLabel(this.#write.secret, "finished", "", HASH_BYTES);
    const verify = createHmac("sha256", finishedKey).update(this.#hash()).digest();
    this.send(CONTENT.handshake, message(MESSAGE.finished, verify));
    this.#write = keys(clientSecret);
    this.#read = keys(serverSecret);
  }

  /** EncryptedExtensions to Finished. */
  async #readFlight(): Promise<void> {
    let pending = Buffer.alloc(0);
    for (;;) {
      const { type, content } = await this.readRecord();
      if (type !== CONTENT.handshake) continue;
      pending = Buffer.concat([pending, content]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readUIntBE(1, 3)) {
        const size = 4 + pending.readUIntBE(1, 3);
        this.#transcript.push(pending.subarray(0, size));
        if (pending[0] === MESSAGE.finished) return;
        pending = pending.subarray(size);
      }
    }
  }

  /** The next record, decrypted where that is due. Rejects when the server has closed. */
  async readRecord(): Promise<{ type: number; content: Buffer }> {
    const header = await this.#take(5);
    const body = await this.#take(header.readUInt16BE(3));
    if (this.#read === null || header[0] !== CONTENT.applicationData)
      return { type: header[0] as number, content: body };
    const decipher = createDecipheriv("aes-128-gcm", this.#read.key, nonce(this.#read));
    decipher.setAAD(header).setAuthTag(body.subarray(body.length - TAG_BYTES));
    const inner = Buffer.concat([
      decipher.update(body.subarray(0, body.length - TAG_BYTES)),
      decipher.final(),
    ]);
    return { type: inner[inner.length - 1] as number, content: inner.subarray(0, -1) };
  }

  /** One protected record. */
  send(type: number, content: Uint8Array): void {
    this.socket.write(this.seal(type, content));
  }

  /** One protected record, not sent. */
  seal(type: number, content: Uint8Array): Buffer {
    if (this.#write === null) throw new Error("no handshake yet");
    const header = Buffer.from([CONTENT.applicationData, 3, 3, 0, 0]);
    header.writeUInt16BE(content.length + 1 + TAG_BYTES, 3);
    const cipher = createCipheriv("aes-128-gcm", this.#write.key, nonce(this.#write));
    cipher.setAAD(header);
    const sealed = [cipher.update(content), cipher.update(Buffer.of(type)), cipher.final()];
    return Buffer.concat([header, ...sealed, cipher.getAuthTag()]);
  }

  text(data: string): Buffer {
    return this.seal(CONTENT.applicationData, Buffer.from(data));
  }

  /** A KeyUpdate in a record; what is sealed afterwards is sealed with the next keys (section 4.6.3). */
  keyUpdate(requestUpdate: boolean): Buffer {
    const sealed = this.seal(CONTENT.handshake, message(MESSAGE.keyUpdate, Buffer.of(requestUpdate ? 1 : 0)));
    const { secret } = this.#write as Keys;
    this.#write = keys(expandLabel(secret, "traffic upd", "", HASH_BYTES));
    return sealed;
  }

  #hash(): Buffer {
    return createHash("sha256").update(Buffer.concat(this.#transcript)).digest();
  }

  #secret(from: Buffer, label: string): Buffer {
    return expandLabel(from, label, this.#hash(), HASH_BYTES);
  }
}

/** A record that is not protected. */
export function record(type: number, content: Uint8Array, length = content.length): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 1, length >> 8, length & 0xff]), content]);
}

export function message(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(type), sized(3, body)]);
}

function clientHello(publicKey: KeyObject, { serverName = null, alpn = [] }: HelloOptions): Buffer {
  const key = publicKey.export({ type: "spki", format: "der" }).subarray(X25519_PREFIX.length);
  const extensions = [
    extension(43, sized(1, Buffer.from("0304", "hex"))),
    extension(10, sized(2, Buffer.from("001d", "hex"))),
    extension(13, sized(2, Buffer.from("04030804", "hex"))),
    extension(51, sized(2, Buffer.concat([Buffer.from("001d", "hex"), sized(2, key)]))),
  ];
  if (serverName !== null) extensions.push(extension(0, sized(2, Buffer.of(0), sized(2, serverName))));
  if (alpn.length > 0)
    extensions.push(extension(16, sized(2, ...alpn.map((name) => sized(1, Buffer.from(name))))));
  return message(
    MESSAGE.clientHello,
    Buffer.concat([
      Buffer.from("0303", "hex"),
      randomBytes(32),
      sized(1),
      sized(2, Buffer.from("1301", "hex")),
      sized(1, Buffer.of(0)),
      sized(2, ...extensions),
    ]),
  );
}

function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 0xff]), sized(2, body)]);
}

/** With its length in front, in so many octets. */
function sized(octets: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(octets);
  length.writeUIntBE(body.length, 0, octets);
  return Buffer.concat([length, body]);
}

function keyShareOf(serverHello: Buffer): KeyObject {
  // Version, random, session id, cipher suite, compression; then the extensions.
  let at = 4 + 2 + 32;
  at += 1 + (serverHello[at] ?? 0) + 3 + 2;
  while (at + 4 <= serverHello.length) {
    const type = serverHello.readUInt16BE(at);
    const length = serverHello.readUInt16BE(at + 2);
    if (type === 51) {
      const key = serverHello.subarray(at + 8, at + 4 + length);
      return createPublicKey({ key: Buffer.concat([X25519_PREFIX, key]), format: "der", type: "spki" });
    }
    at += 4 + length;
  }
  throw new Error("a ServerHello without a key share");
}

// The key schedule (RFC 8446 section 7.1).

function extract(salt: Buffer, input: Buffer): Buffer {
  return createHmac("sha256", salt).update(input).digest();
}

function expandLabel(secret: Buffer, label: string, context: Buffer | string, bytes: number): Buffer {
  const length = Buffer.from([bytes >> 8, bytes & 0xff]);
  const info = Buffer.concat([
    length,
    sized(1, Buffer.from(`tls13 ${label}`)),
    sized(1, Buffer.from(context)),
  ]);
  return createHmac("sha256", secret).update(info).update(Buffer.of(1)).digest().subarray(0, bytes);
}

function derived(secret: Buffer): Buffer {
  return expandLabel(secret, "derived", createHash("sha256").digest(), HASH_BYTES);
}

function keys(secret: Buffer): Keys {
  const key = expandLabel(secret, "key", "", 16);
  return { secret, key, iv: expandLabel(secret, "iv", "", 12), sequence: 0n };
}

function nonce(of: Keys): Buffer {
  const made = Buffer.from(of.iv);
  made.writeBigUInt64BE(made.readBigUInt64BE(4) ^ of.sequence, 4);
  of.sequence += 1n;
  return made;
}
