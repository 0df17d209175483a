/**
 * Has field lists that our encoder wrote read by nghttp2, which node:http2 runs on. There is no way to
 * its HPACK decoder alone, so each list travels as a request to its server or as a response to its
 * client, over a pair of streams in memory. On the way it changes its table size, which the encoder has
 * to follow. What HTTP/2 allows in no message, and nghttp2 would refuse, is left out.
 */
import { connect, performServerHandshake, type Http2Session } from "node:http2";
import { duplexPair, type Duplex } from "node:stream";
import { HpackEncoder } from "../../src/wire/hpack/encoder.ts";
import type { FieldList } from "../../test/support/field-lists.ts";
import { encodeList } from "../../test/support/hpack-lists.ts";

/** What was encoded, and what nghttp2 read. */
export interface Read {
  readonly sent: FieldList;
  readonly seen: FieldList;
}

/** Not allowed on HTTP/2, RFC 9113 section 8.2.2. */
const CONNECTION_FIELDS: readonly string[] = ["connection", "keep-alive", "transfer-encoding"];

const FRAME_HEADER_BYTES = 9;
const MAX_FRAME_BYTES = 16_384;
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const FrameType = { headers: 1, reset: 3, settings: 4 } as const;
const ACK = 0x1;
const END_HEADERS = 0x4;
const SETTINGS_HEADER_TABLE_SIZE = 1;
const NO_ERROR: Buffer = Buffer.alloc(4);

/** Table sizes that nghttp2 asks for one after the other, and after how many lists. */
const TABLE_BYTES: readonly number[] = [0, 4096, 300, 1365, 65_536];
const LISTS_PER_TABLE = 20;

/** A list that takes longer was not read at all. */
const READ_TIMEOUT_MS = 5000;

/** Encodes the lists on one connection, one after the other, and returns what nghttp2 read of each. */
export async function nghttp2Reads(lists: readonly FieldList[]): Promise<Read[]> {
  const [far, near] = duplexPair();
  const peer = new EncodingPeer(near);
  const isRequest = lists[0]?.some(([name]) => name === ":method") ?? false;
  const reader = isRequest ? new ServerReader(far, peer) : new ClientReader(far, peer);
  const reads: Read[] = [];
  try {
    for (const [index, list] of lists.entries()) {
      if (index % LISTS_PER_TABLE === 0) await changeTable(reader.session, index / LISTS_PER_TABLE);
      const sent = list.filter((_, at) => isAllowed(list, at));
      reads.push({ sent, seen: await inTime(reader.read(sent), index) });
    }
  } finally {
    reader.session.destroy();
  }
  return reads;
}

function isAllowed(list: FieldList, at: number): boolean {
  const [name, value] = list[at] ?? ["", ""];
  if (CONNECTION_FIELDS.includes(name) || value !== value.trim()) return false;
  if (name !== "content-length") return true;
  // One that says how long no body is, and a second one.
  return list[0]?.[1] !== "204" && list.findIndex(([other]) => other === name) === at;
}

async function changeTable(session: Http2Session, turn: number): Promise<void> {
  const headerTableSize = TABLE_BYTES[turn % TABLE_BYTES.length] as number;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  session.settings({ headerTableSize }, (error) => (error === null ? resolve() : reject(error)));
  await promise;
}

async function inTime<T>(work: Promise<T>, index: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`list ${index} was not read`)), READ_TIMEOUT_MS);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

interface Reader {
  readonly session: Http2Session;
  read(list: FieldList): Promise<FieldList>;
}

class ServerReader implements Reader {
  readonly session: Http2Session;
  readonly #peer: EncodingPeer;
  #streamId = -1;

  constructor(far: Duplex, peer: EncodingPeer) {
    this.session = performServerHandshake(far);
    this.#peer = peer;
    peer.write(PREFACE);
    peer.writeFrame(FrameType.settings, 0, 0);
  }

  async read(list: FieldList): Promise<FieldList> {
    const { promise, resolve, reject } = Promise.withResolvers<FieldList>();
    this.session.once("error", reject);
    this.session.once("stream", (_stream, _headers, _flags, raw: string[]) => resolve(pairsOf(raw)));
    this.#streamId += 2;
    this.#peer.sendList(this.#streamId, list);
    try {
      return await promise;
    } finally {
      this.session.off("error", reject);
    }
  }
}

class ClientReader implements Reader {
  readonly session: ReturnType<typeof connect>;
  readonly #peer: EncodingPeer;

  constructor(far: Duplex, peer: EncodingPeer) {
    this.session = connect("http://localhost", { createConnection: () => far });
    this.#peer = peer;
    peer.skip(PREFACE.length);
    peer.writeFrame(FrameType.settings, 0, 0);
  }

  async read(list: FieldList): Promise<FieldList> {
    const { promise, resolve, reject } = Promise.withResolvers<FieldList>();
    this.#peer.onHeaders = (streamId) => this.#peer.sendList(streamId, list);
    const request = this.session.request({ ":path": "/" }, { endStream: true });
    request.on("error", reject);
    request.on("response", (_headers, _flags, raw: string[]) => resolve(pairsOf(raw)));
    return promise;
  }
}

/** The other end of the connection: just enough of HTTP/2, and the encoder. */
class EncodingPeer {
  onHeaders: (streamId: number) => void = () => undefined;
  readonly #stream: Duplex;
  readonly #encoder: HpackEncoder = new HpackEncoder();
  #received: Buffer = Buffer.alloc(0);
  #skipBytes = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", (bytes: Buffer) => this.#read(bytes));
  }

  /** The first so many bytes are no frames. */
  skip(bytes: number): void {
    this.#skipBytes = bytes;
  }

  write(bytes: Buffer): void {
    this.#stream.write(bytes);
  }

  writeFrame(type: number, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): void {
    if (payload.length > MAX_FRAME_BYTES) throw new Error("a list that needs CONTINUATION");
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    header.writeUIntBE(payload.length, 0, 3);
    header.writeUInt8(type, 3);
    header.writeUInt8(flags, 4);
    header.writeUInt32BE(streamId, 5);
    this.write(Buffer.concat([header, payload]));
  }

  /** Opens or answers a stream, and resets it: a list may name any Content-Length. */
  sendList(streamId: number, list: FieldList): void {
    this.writeFrame(FrameType.headers, END_HEADERS, streamId, encodeList(this.#encoder, list));
    this.writeFrame(FrameType.reset, 0, streamId, NO_ERROR);
  }

  #read(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    const skipped = Math.min(this.#skipBytes, this.#received.length);
    this.#skipBytes -= skipped;
    this.#received = this.#received.subarray(skipped);
    while (this.#received.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + this.#received.readUIntBE(0, 3);
      if (this.#received.length < end) return;
      this.#readFrame(this.#received.subarray(0, end));
      this.#received = this.#received.subarray(end);
    }
  }

  #readFrame(frame: Buffer): void {
    const type = frame[3];
    if (type === FrameType.headers) this.onHeaders(frame.readUInt32BE(5));
    if (type !== FrameType.settings || frame[4] === ACK) return;
    for (let at = FRAME_HEADER_BYTES; at < frame.length; at += 6) {
      if (frame.readUInt16BE(at) === SETTINGS_HEADER_TABLE_SIZE)
        this.#encoder.setPeerTableLimit(frame.readUInt32BE(at + 2));
    }
    this.writeFrame(FrameType.settings, ACK, 0);
  }
}

function pairsOf(raw: readonly string[]): FieldList {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1] ?? ""] as const] : []));
}
