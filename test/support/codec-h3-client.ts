/**
 * An HTTP/3 client for tests, over any QUIC: it speaks HTTP/3 with the real codec, and beside it raw octets on
 * streams of its own, right or wrong. What comes is noted in an `H3Answer` for each request.
 */
import assert from "node:assert/strict";
import type { QuicClose } from "../../src/fastpath/quic-engine.ts";
import type { QuicLink, QuicOwner } from "../../src/proxy/quic/quic-owner.ts";
import { H3Code, h3CodeName } from "../../src/wire/h3/error-code.ts";
import { H3Connection } from "../../src/wire/h3/h3-connection.ts";
import type { H3Error } from "../../src/wire/h3/h3-error.ts";
import { DEFAULT_H3_LIMITS } from "../../src/wire/h3/h3-limits.ts";
import type { H3ClientOwner } from "../../src/wire/h3/h3-owner.ts";
import type { H3Clock } from "../../src/wire/h3/h3-sink.ts";
import type { H3Stream } from "../../src/wire/h3/h3-stream.ts";
import { Fields } from "../../src/wire/http/fields.ts";
import { RequestHead, ResponseHead, UNKNOWN_LENGTH } from "../../src/wire/http/message.ts";

export type Pairs = readonly (readonly [string, string])[];

export interface H3RequestSpec {
  readonly method?: string;
  readonly authority?: string;
  readonly fields?: Pairs;
  readonly body?: string;
  readonly trailers?: Pairs;
  /** Whether the request ends with that. Default: yes. */
  readonly end?: boolean;
  /** A known length; default: that of the body, or unknown while the request does not end. */
  readonly length?: number;
  /** Of an extended CONNECT. */
  readonly upgrade?: string;
}

/** One request and what came back. */
export class H3Answer {
  readonly head = new ResponseHead();
  readonly informational: number[] = [];
  stream!: H3Stream;
  status = 0;
  body = "";
  trailers: Pairs = [];
  ended = false;
  over = false;
  error: H3Error | null = null;

  field(name: string): string | undefined {
    if (name === "content-length") return this.head.bodyLength < 0 ? undefined : String(this.head.bodyLength);
    return this.head.fields.toArray().find(([each]) => each.toLowerCase() === name)?.[1];
  }

  /** `status body` of a response that is whole; else what is wrong with it. */
  get told(): string {
    if (this.error !== null) return `${this.error.origin} ${h3CodeName(this.error.code)}`;
    return `${this.status} ${this.body.trimEnd()}${this.ended ? "" : " ..."}`;
  }
}

export class CodecH3Client implements QuicOwner, H3ClientOwner {
  link!: QuicLink;
  connection!: H3Connection;
  established = false;
  /** Identifiers of each GOAWAY. */
  readonly goAways: number[] = [];
  /** Codes with which the gateway reset streams, or stopped them. */
  readonly resets = new Map<number, number>();
  readonly stops = new Map<number, number>();
  closed: QuicClose | null = null;
  /** Whether what comes is taken; else the gateway's window fills. */
  reading = true;
  readonly #unread: [stream: H3Stream, bytes: number][] = [];

  /** The connection is there; the handshake need not be complete. */
  begin(link: QuicLink, clock: H3Clock): void {
    this.link = link;
    this.connection = new H3Connection({
      role: "client",
      owner: this,
      limits: DEFAULT_H3_LIMITS,
      sink: link,
      clock,
      scheme: "https",
    });
    this.connection.start();
  }

  /** Who has ended the connection, and with which code; `open` before. */
  get ending(): string {
    return this.closed === null ? "open" : `${this.closed.by} 0x${this.closed.code.toString(16)}`;
  }

  /** What was written goes out. */
  turn(): this {
    this.connection.flush();
    this.link.flush();
    return this;
  }

  request(path: string, spec: H3RequestSpec = {}): H3Answer {
    const { body = "", trailers, end = true, upgrade = "" } = spec;
    const head = new RequestHead();
    head.method = spec.method ?? "GET";
    head.authority = spec.authority ?? "app.example";
    head.path = path;
    head.upgrade = upgrade;
    for (const [name, value] of spec.fields ?? []) head.fields.addNamed(name, value);
    const known = trailers === undefined && end ? body.length : UNKNOWN_LENGTH;
    head.bodyLength = spec.length ?? known;
    const answer = new H3Answer();
    const ended = end && body === "" && trailers === undefined;
    const stream = this.connection.openStream(head, ended, answer) ?? assert.fail("no stream can be opened");
    answer.stream = stream;
    if (body !== "") this.send(answer, body);
    if (end) this.end(answer, trailers);
    this.turn();
    return answer;
  }

  /** More of a request. */
  send({ stream }: H3Answer, body: string | Buffer): boolean {
    const bytes = typeof body === "string" ? Buffer.from(body, "latin1") : body;
    const more = this.connection.sendData(stream, bytes, 0, bytes.length);
    this.turn();
    return more;
  }

  end({ stream }: H3Answer, trailers: Pairs = []): void {
    const fields = new Fields();
    for (const [name, value] of trailers) fields.addNamed(name, value);
    this.connection.sendEnd(stream, trailers.length === 0 ? null : fields);
    this.turn();
  }

  /** Octets on a stream that the codec knows nothing of; opens it when no ID is given. */
  raw(bytes: Buffer, fin = false, stream = this.link.openBidirectional()): number {
    this.link.write(stream, bytes, 0, bytes.length, fin);
    this.turn();
    return stream;
  }

  /** Takes what was left lying, and everything that comes. */
  read(): this {
    this.reading = true;
    for (const [stream, bytes] of this.#unread.splice(0)) this.connection.consumed(stream, bytes);
    return this.turn();
  }

  close(): this {
    this.connection.close(H3Code.noError, "");
    return this.turn();
  }

  // What QUIC tells.

  onEstablished(): void {
    this.established = true;
  }

  onStreamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    this.connection.streamData(id, bytes, start, end, fin);
  }

  onStreamReset(id: number, code: number): void {
    this.resets.set(id, code);
    this.connection.streamReset(id, code);
  }

  onStreamStopped(id: number, code: number): void {
    this.stops.set(id, code);
    this.connection.streamStopped(id, code);
  }

  onStreamWritable(id: number): void {
    this.connection.streamWritable(id);
  }

  onStreamsAllowed(): void {
    this.connection.streamsAllowed();
  }

  onDatagram(): void {}

  beforeSend(): void {
    this.connection.flush();
  }

  onClosed(reason: QuicClose): void {
    this.closed = reason;
    this.connection.closed("closed");
  }

  // What the codec tells.

  responseHead(stream: H3Stream): ResponseHead {
    const { head } = answerOf(stream);
    head.clear();
    return head;
  }

  onInformational(stream: H3Stream): void {
    const { head, informational } = answerOf(stream);
    informational.push(head.status);
  }

  onResponse(stream: H3Stream): void {
    const answer = answerOf(stream);
    answer.status = answer.head.status;
  }

  onData(stream: H3Stream, bytes: Buffer, start: number, end: number): void {
    answerOf(stream).body += bytes.latin1Slice(start, end);
    if (this.reading) this.connection.consumed(stream, end - start);
    else this.#unread.push([stream, end - start]);
  }

  onEnd(stream: H3Stream, trailers: Fields): void {
    const answer = answerOf(stream);
    answer.ended = true;
    answer.trailers = trailers.toArray();
  }

  onStreamDrained(): void {}

  onStreamClosed(stream: H3Stream): void {
    answerOf(stream).over = true;
  }

  onStreamError(stream: H3Stream, error: H3Error): void {
    const answer = answerOf(stream);
    assert.ok(!answer.over, "an end after the end");
    answer.over = true;
    answer.error = error;
  }

  onSettings(): void {}

  onGoAway(id: number): void {
    this.goAways.push(id);
  }

  onConnectionError(error: H3Error): void {
    assert.fail(`the gateway broke the protocol: ${error.toString()}`);
  }
}

function answerOf(stream: H3Stream): H3Answer {
  return stream.user as H3Answer;
}
