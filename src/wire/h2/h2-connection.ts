/**
 * One HTTP/2 connection (RFC 9113) of either role, without input and output of its own: bytes in, calls
 * of the owner out; calls of the owner in, frames into the sink out.
 *
 *   receive -> FrameReader -> Inbound -> RequestBlocks | ResponseBlocks   heads, trailers
 *                                     -> DataFrames                        bodies
 *                                     -> ControlFrames                     everything else
 *   openStream, sendHead -> HeadWriter  \
 *   sendData, sendEnd    -> Sender      -> sink
 *   (answers, errors)    -> FrameWriter /
 *
 * `ConnectionCore` holds what they share, and ends streams and connections. The owner is an adapter of
 * `proxy/`: see `h2-owner.ts` for what it hears.
 */
import { assert } from "../../base/assert.ts";
import type { Fault } from "../../base/fault.ts";
import type { Fields } from "../http/fields.ts";
import type { RequestHead, ResponseHead } from "../http/message.ts";
import { endOf } from "../multiplexed/body-end.ts";
import { MIN_PROGRESS_BYTES } from "../multiplexed/abuse-budget.ts";
import type { ClientCodec, ServerCodec } from "../multiplexed/codec.ts";
import { ConnectionCore } from "./connection-core.ts";
import { ControlFrames } from "./control-frames.ts";
import { H2Code } from "./error-code.ts";
import { FrameReader } from "./frame-reader.ts";
import { INITIAL_WINDOW } from "./frame/window-update.ts";
import { H2Error } from "./h2-error.ts";
import type { H2Limits } from "./h2-limits.ts";
import type { H2ClientOwner, H2ServerOwner } from "./h2-owner.ts";
import { H2Scratch } from "./h2-scratch.ts";
import type { H2Clock, H2Sink } from "./h2-sink.ts";
import { Awaiting, type H2Stream } from "./h2-stream.ts";
import { HeadWriter } from "./head-writer.ts";
import { Inbound } from "./inbound.ts";
import { localSettings } from "./local-settings.ts";
import { PrefaceReader } from "./preface.ts";
import { RequestBlocks } from "./request-blocks.ts";
import { ResponseBlocks } from "./response-blocks.ts";
import { Sender } from "./sender.ts";
import { mergedPriority } from "../multiplexed/response-priority.ts";
import { maySend } from "../multiplexed/stream-state.ts";

interface H2CommonOptions {
  readonly limits: H2Limits;
  readonly sink: H2Sink;
  readonly clock: H2Clock;
  /** One for all connections of a worker; otherwise the connection has its own. */
  readonly scratch?: H2Scratch;
}

export interface H2ServerOptions extends H2CommonOptions {
  readonly role: "server";
  readonly owner: H2ServerOwner;
}

export interface H2ClientOptions extends H2CommonOptions {
  readonly role: "client";
  readonly owner: H2ClientOwner;
  /** Of every request. */
  readonly scheme: "http" | "https";
}

export type H2Options = H2ServerOptions | H2ClientOptions;

export class H2Connection implements ServerCodec, ClientCodec {
  /**
   * Since when the preface, a header block, or a frame other than DATA is incomplete, in the clock's
   * milliseconds; else `Infinity`. How a body gets on is the affair of its stream.
   */
  partialSinceMs = Infinity;
  readonly #scheme: string;
  readonly #core: ConnectionCore;
  readonly #heads: HeadWriter;
  readonly #sender: Sender;
  readonly #control: ControlFrames;
  readonly #inbound: Inbound;
  readonly #reader: FrameReader;
  /** What the client sends first; `null` once it is through, and in a client. */
  #preface: PrefaceReader | null;

  constructor(options: H2Options) {
    const isServer = options.role === "server";
    const scratch = options.scratch ?? new H2Scratch();
    this.#scheme = isServer ? "" : options.scheme;
    this.#core = new ConnectionCore(options);
    this.#heads = new HeadWriter(options.sink, scratch.hpack);
    this.#sender = new Sender(this.#core, this.#heads);
    this.#control = new ControlFrames(this.#core, this.#sender, this.#heads);
    const taker = isServer
      ? new RequestBlocks(this.#core, options.owner, scratch)
      : new ResponseBlocks(this.#core, options.owner, scratch);
    this.#inbound = new Inbound(this.#core, taker, this.#control);
    this.#reader = new FrameReader(this.#inbound);
    this.#preface = isServer ? new PrefaceReader() : null;
  }

  /** Neither failed nor closed: `receive` may be called. */
  get open(): boolean {
    return this.#core.open;
  }

  /** Streams that are not over. */
  get streamCount(): number {
    return this.#core.streams.size;
  }

  /** The highest stream that was taken up (server), or opened (client); 0: none. What `goAway` names in the end. */
  get lastStreamId(): number {
    return this.#core.streams.lastTakenId;
  }

  /** Body octets on the way out that wait, over all streams. */
  get queuedBytes(): number {
    return this.#core.queuedBytes;
  }

  /**
   * Since when the connection's window lets the peer send bodies, in the clock's milliseconds; `Infinity`
   * while it does not, because what came on other streams has not been passed on.
   */
  get windowOpenMs(): number {
    const { window, windowOpenedMs } = this.#core;
    return window.available < MIN_PROGRESS_BYTES ? Infinity : windowOpenedMs;
  }

  /** When the `ping` that is not answered was sent, in the clock's milliseconds; `Infinity` when none is. */
  get pingSentMs(): number {
    return this.#control.liveness.pingSentMs;
  }

  /** Since when our SETTINGS have not been acknowledged; `Infinity` when they have. */
  get settingsSentMs(): number {
    return this.#control.liveness.settingsSentMs;
  }

  /** What the peer announced; `Infinity` before. */
  get peerMaxConcurrentStreams(): number {
    return this.#core.peer.maxConcurrentStreams;
  }

  /** The peer takes extended CONNECT (RFC 8441); false before it has said so. */
  get peerConnectProtocol(): boolean {
    return this.#core.peer.connectProtocol;
  }

  /** What the peer advises; `Infinity`: nothing. */
  get peerMaxHeaderListBytes(): number {
    return this.#core.peer.maxHeaderListBytes;
  }

  /** Writes our preface: SETTINGS and the connection's window, in a client after the magic octets. */
  start(): void {
    const { limits, writer, isServer } = this.#core;
    if (!isServer) writer.preface();
    writer.settings(localSettings(isServer, limits));
    this.#control.liveness.settingsSent();
    const increment = limits.connectionWindowBytes - INITIAL_WINDOW;
    if (increment > 0) writer.windowUpdate(0, increment);
  }

  /** Bytes have come, split anyhow; a server's begin with the client's preface. Does nothing when not `open`. */
  receive(bytes: Buffer, start: number, end: number): void {
    const { frames } = this.#reader;
    const inBlock = this.#inbound.incomplete;
    const from = this.#preface === null ? start : this.#readPreface(this.#preface, bytes, start, end);
    this.#reader.read(bytes, from, end);
    this.#sender.pump();
    const { incomplete } = this.#inbound;
    if (this.#preface === null && !incomplete && !this.#reader.incomplete) this.partialSinceMs = Infinity;
    else if (this.partialSinceMs === Infinity || (incomplete ? !inBlock : this.#reader.frames !== frames))
      this.partialSinceMs = this.#core.clock.nowMs;
  }

  /** The sink is not blocked any more. */
  onSinkDrained(): void {
    this.#sender.pump();
  }

  /**
   * Server: writes a 1xx head, or the final one. `ended`: neither body nor trailers follow, so that the
   * head ends the stream on the wire; `sendEnd` is to be called all the same. Nothing happens on a stream
   * that is over.
   */
  sendHead(stream: H2Stream, head: ResponseHead, ended: boolean): void {
    if (!maySend(stream.state)) return;
    assert(!stream.endWritten, "a head behind the end");
    const isFinal = head.status >= 200;
    stream.endWritten = isFinal && ended;
    if (isFinal && head.hasBody && !stream.isTunnel) stream.endsAtBytes = endOf(head);
    if (isFinal && !ended) this.#mergePriority(stream, head.fields);
    this.#heads.response(stream.id, head, stream.isTunnel, stream.endWritten);
  }

  /**
   * Client: opens a stream with this request. `null`: none can be opened (limit of the peer's or our own,
   * GOAWAY, identifiers used up, not open). Of a request with `upgrade` an extended CONNECT is made, which
   * needs `peerConnectProtocol`. `ended`: neither body nor trailers follow; `sendEnd` may be called or not.
   */
  openStream(head: RequestHead, ended: boolean, user: object): H2Stream | null {
    if (!this.canOpenStream) return null;
    const core = this.#core;
    const id = core.streams.nextId();
    core.streams.use(id);
    const stream = core.openStream(id);
    stream.user = user;
    stream.isHead = head.method === "HEAD";
    stream.isTunnel = head.upgrade !== "";
    if (!stream.isTunnel) stream.endsAtBytes = endOf(head);
    stream.endWritten = ended;
    this.#heads.request(id, head, this.#scheme, ended);
    if (ended) core.sentEnd(stream);
    return stream;
  }

  /** Client: whether `openStream` would open one. */
  get canOpenStream(): boolean {
    const { isServer, open, streams, limits, peer, goAwayId } = this.#core;
    const id = streams.nextId();
    const limit = Math.min(limits.maxConcurrentStreams, peer.maxConcurrentStreams);
    return !isServer && open && id !== -1 && id <= goAwayId && streams.size < limit;
  }

  /** Client: no stream will be opened any more, because the peer has sent GOAWAY or identifiers are used up. */
  get exhausted(): boolean {
    const { streams, goAwayId } = this.#core;
    return streams.nextId() === -1 || streams.nextId() > goAwayId;
  }

  /**
   * Sends a part of the body: as far as windows, fairness and sink allow at once, the rest is copied and
   * waits. False: pause until `onStreamDrained`, as another part of this size would not fit into
   * `maxSendBufferBytes`. Nothing happens on a stream that is over.
   */
  sendData(stream: H2Stream, bytes: Buffer, start: number, end: number): boolean {
    return this.#sender.send(stream, bytes, start, end);
  }

  /**
   * Our side of the stream is complete; the trailers are copied if they have to wait. A request that is
   * still coming goes on after its response: `reset` with NO_ERROR stops it (RFC 9113 section 8.1).
   * Nothing happens on a stream that is over.
   */
  sendEnd(stream: H2Stream, trailers: Fields | null): void {
    this.#sender.sendEnd(stream, trailers);
  }

  /**
   * Server: the response is about to end, and no more of the request is wanted. What still comes is thrown
   * away unseen; when the response has been sent whole, RST_STREAM with NO_ERROR tells the client to stop
   * (RFC 9113 section 8.1).
   */
  ignoreRest(stream: H2Stream): void {
    stream.awaiting = Awaiting.nothing;
  }

  /** Ends the stream at once with RST_STREAM; no call of the owner's follows for it. Nothing happens on a stream that is over. */
  reset(stream: H2Stream, code: H2Code): void {
    this.#core.reset(stream, code);
  }

  /** As `reset`, with the code that the fault has in HTTP/2. */
  cancel(stream: H2Stream, fault: Fault): void {
    this.#core.reset(stream, fault.h2Code);
  }

  /** Client: the response is whole, and nobody waits for the rest of the request: RST_STREAM with NO_ERROR. */
  enough(stream: H2Stream): void {
    this.#core.reset(stream, H2Code.noError);
  }

  /**
   * So many octets of those that `onData` brought have been passed on: the peer may send as many again.
   * Nothing happens on a stream that is over, whose octets count as passed on.
   */
  consumed(stream: H2Stream, bytes: number): void {
    this.#core.consumed(stream, bytes);
  }

  /** Asks for a sign of life; `onPong` tells the answer. Nothing happens while one is unanswered. */
  ping(): void {
    if (this.#core.open) this.#control.liveness.ping();
  }

  /**
   * Writes GOAWAY; streams of the peer's above `lastId` are not taken up from now on. `MAX_STREAM_ID`
   * announces it only (RFC 9113 section 6.8). Streams go on in either case. `text`: ASCII, for people.
   */
  goAway(code: H2Code, lastId: number, text = ""): void {
    if (!this.#core.open) return;
    if (this.#core.isServer) this.#core.goAwayId = Math.min(this.#core.goAwayId, lastId);
    this.#core.writer.goAway(lastId, code, text);
  }

  /** The transport is gone, or is given up: every stream gets its `onStreamError` with this text. */
  close(text: string): void {
    if (this.#core.open) this.#core.abandon(new H2Error("closed", H2Code.cancel, text));
  }

  #mergePriority(stream: H2Stream, fields: Fields): void {
    const merged = mergedPriority(fields, stream.urgency, !stream.sequential);
    if (merged !== null) this.#core.ready.setPriority(stream, merged.urgency, !merged.incremental);
  }

  #readPreface(preface: PrefaceReader, bytes: Buffer, start: number, end: number): number {
    const pos = preface.read(bytes, start, end);
    if (pos === -1) this.#core.fail(H2Code.protocolError, "not a client's preface");
    else if (preface.complete) this.#preface = null;
    return pos === -1 ? end : pos;
  }
}
