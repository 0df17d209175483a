/** The application at one end of a connection in memory, for tests: notes what it hears, and says what it is told to. */
import type { QuicClose } from "../../src/fastpath/quic-engine.ts";
import type { QuicOwner } from "../../src/proxy/quic/quic-owner.ts";
import type { MemoryQuicLink } from "./memory-quic.ts";

/** What came of one stream. */
export class RawStream {
  octets = Buffer.alloc(0);
  ended = false;
  resetCode = -1;
  stopCode = -1;

  get text(): string {
    return this.octets.toString("latin1");
  }
}

/** An application: notes what it hears, and says what it is told to, as fast as it is taken. */
export class RawPeer implements QuicOwner {
  readonly link: MemoryQuicLink;
  readonly streams = new Map<number, RawStream>();
  readonly datagrams: string[] = [];
  established = false;
  closed: QuicClose | null = null;
  onData: (id: number, fin: boolean) => void = () => {};
  readonly #unsaid = new Map<number, { bytes: Buffer; fin: boolean }>();

  constructor(link: MemoryQuicLink) {
    this.link = link;
    link.owner = this;
  }

  stream(id: number): RawStream {
    const known = this.streams.get(id) ?? new RawStream();
    this.streams.set(id, known);
    return known;
  }

  /** On a new stream, which is returned; on a unidirectional one if asked for. */
  open(bytes: string | Buffer, fin = false, unidirectional = false): number {
    const id = unidirectional ? this.link.openUnidirectional() : this.link.openBidirectional();
    this.say(id, bytes, fin);
    return id;
  }

  say(id: number, bytes: string | Buffer, fin = false): void {
    const before = this.#unsaid.get(id)?.bytes ?? Buffer.alloc(0);
    this.#write(id, Buffer.concat([before, Buffer.from(bytes)]), fin);
  }

  datagram(text: string): boolean {
    return this.link.sendDatagram(Buffer.from(text), 0, text.length);
  }

  /** Octets of `say` that were not taken yet. */
  unsaid(id: number): number {
    return this.#unsaid.get(id)?.bytes.length ?? 0;
  }

  onEstablished(): void {
    this.established = true;
  }

  onStreamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    const stream = this.stream(id);
    stream.octets = Buffer.concat([stream.octets, bytes.subarray(start, end)]);
    stream.ended = fin;
    this.onData(id, fin);
  }

  onStreamReset(id: number, code: number): void {
    this.stream(id).resetCode = code;
  }

  onStreamStopped(id: number, code: number): void {
    this.stream(id).stopCode = code;
    this.#unsaid.delete(id);
  }

  onStreamWritable(id: number): void {
    const unsaid = this.#unsaid.get(id);
    if (unsaid !== undefined) this.#write(id, unsaid.bytes, unsaid.fin);
  }

  onStreamsAllowed(): void {}

  onDatagram(bytes: Buffer, start: number, end: number): void {
    this.datagrams.push(bytes.toString("latin1", start, end));
  }

  onClosed(reason: QuicClose): void {
    this.closed = reason;
  }

  #write(id: number, bytes: Buffer, fin: boolean): void {
    const taken = this.link.write(id, bytes, 0, bytes.length, fin);
    if (taken < 0 || taken === bytes.length) this.#unsaid.delete(id);
    else this.#unsaid.set(id, { bytes: bytes.subarray(taken), fin });
  }
}
