/** Owners of QUIC connections for tests: one that notes what it hears, one that echoes, one that sends much. */
import type { QuicClose } from "../../src/fastpath/quic-engine.ts";
import type { QuicServed } from "../../src/proxy/quic/listener-settings.ts";
import type { QuicConnection } from "../../src/proxy/quic/quic-connection.ts";

/** What came of one stream. */
export class HeardStream {
  readonly parts: Buffer[] = [];
  octets = 0;
  ended = false;
  resetCode = -1;
  stoppedCode = -1;

  get text(): string {
    return Buffer.concat(this.parts).toString();
  }
}

/** An owner that notes what it hears, and may do something about it: set the hooks. */
export class NotingOwner implements QuicServed {
  link!: QuicConnection;
  readonly streams = new Map<number, HeardStream>();
  readonly datagrams: string[] = [];
  readonly #unsaid = new Map<number, { readonly bytes: Buffer; readonly fin: boolean }>();
  established = false;
  closed: QuicClose | null = null;
  graceMs = -1;
  streamsAllowed = 0;
  /** Keeps what comes; off for bodies that only need counting. */
  keep = true;
  onData: (id: number, bytes: Buffer, start: number, end: number, fin: boolean) => void = () => {};
  onWritable: (id: number) => void = () => {};
  onReady: () => void = () => {};
  onWornOut: () => void = () => {};

  stream(id: number): HeardStream {
    const known = this.streams.get(id);
    if (known !== undefined) return known;
    const stream = new HeardStream();
    this.streams.set(id, stream);
    return stream;
  }

  /** Opens a stream and writes a text, as it is taken. */
  say(text: string, fin = true): number {
    const id = this.link.openBidirectional();
    this.#write(id, Buffer.from(text), fin);
    return id;
  }

  #write(id: number, bytes: Buffer, fin: boolean): void {
    const taken = this.link.write(id, bytes, 0, bytes.length, fin);
    if (taken >= 0 && taken < bytes.length) this.#unsaid.set(id, { bytes: bytes.subarray(taken), fin });
  }

  announceClose(graceMs: number): void {
    this.graceMs = graceMs;
  }

  abort(): boolean {
    this.link.close(0x100, "stop");
    return this.streams.size > 0;
  }

  onEstablished(): void {
    this.established = true;
    this.onReady();
  }

  onStreamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    const stream = this.stream(id);
    if (this.keep) stream.parts.push(Buffer.from(bytes.subarray(start, end)));
    stream.octets += end - start;
    stream.ended ||= fin;
    this.onData(id, bytes, start, end, fin);
  }

  onStreamReset(id: number, code: number): void {
    this.stream(id).resetCode = code;
  }

  onStreamStopped(id: number, code: number): void {
    this.stream(id).stoppedCode = code;
  }

  onStreamWritable(id: number): void {
    const unsaid = this.#unsaid.get(id);
    this.#unsaid.delete(id);
    if (unsaid !== undefined) this.#write(id, unsaid.bytes, unsaid.fin);
    else this.onWritable(id);
  }

  onStreamsAllowed(): void {
    this.streamsAllowed += 1;
  }

  onWorn(): void {
    this.onWornOut();
  }

  onDatagram(bytes: Buffer, start: number, end: number): void {
    this.datagrams.push(bytes.toString("latin1", start, end));
  }

  onClosed(reason: QuicClose): void {
    this.closed = reason;
  }
}

/** Sends `octets` on a stream as it is taken, then ends it. */
export class Pour {
  readonly #link: QuicConnection;
  readonly #id: number;
  readonly #block = Buffer.alloc(32_768, "x");
  left: number;

  constructor(link: QuicConnection, id: number, octets: number) {
    this.#link = link;
    this.#id = id;
    this.left = octets;
  }

  go(): void {
    while (this.left > 0) {
      const wanted = Math.min(this.left, this.#block.length);
      const taken = this.#link.write(this.#id, this.#block, 0, wanted, wanted === this.left);
      if (taken < 0) return;
      this.left -= taken;
      if (taken < wanted) return;
    }
  }
}

/** A server that sends back on each stream what came on it, as far as it is taken; then the end. */
export function echo(owner: NotingOwner): void {
  const waiting = new Map<number, { bytes: Buffer; fin: boolean }>();
  owner.keep = false;
  const send = (id: number, bytes: Buffer, fin: boolean): void => {
    const taken = owner.link.write(id, bytes, 0, bytes.length, fin);
    if (taken < 0 || taken === bytes.length) {
      waiting.delete(id);
      owner.link.resume(id);
    } else {
      waiting.set(id, { bytes: bytes.subarray(taken), fin });
      owner.link.pause(id);
    }
  };
  owner.onData = (id, bytes, start, end, fin) => {
    if ((id & 2) === 2) return;
    const before = waiting.get(id)?.bytes ?? Buffer.alloc(0);
    send(id, Buffer.concat([before, bytes.subarray(start, end)]), fin);
  };
  owner.onWritable = (id) => {
    const held = waiting.get(id);
    if (held !== undefined) send(id, held.bytes, held.fin);
  };
}
