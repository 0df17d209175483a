/**
 * One HTTP/3 connection (RFC 9114) of either role, without input and output of its own: what QUIC delivers
 * comes in by calls, calls of the owner go out; calls of the owner come in, octets of streams go to the sink.
 *
 *   streamData -> MessageFrames -> RequestSections | ResponseSections   heads, trailers
 *                               -> owner.onData                         bodies
 *              -> PeerStreams   -> ControlFrames, QPACK                 everything else
 *   openStream, sendHead, sendData, sendEnd -> Sender -> HeldWrite -> sink
 *
 * `ConnectionCore` holds what they share, and ends streams and connections. The owner is an adapter of
 * `proxy/`: see `h3-owner.ts` for what it hears, and `h3-sink.ts` for what QUIC is to it.
 *
 * What the owner writes outside of a call from here leaves with `flush`, which `H3Sink.wake` asks for.
 */
import { assert } from "../../base/assert.ts";
import type { Fault } from "../../base/fault.ts";
import type { Fields } from "../http/fields.ts";
import type { RequestHead, ResponseHead } from "../http/message.ts";
import { endOf } from "../multiplexed/body-end.ts";
import type { ClientCodec, ServerCodec } from "../multiplexed/codec.ts";
import { mayReceive, maySend } from "../multiplexed/stream-state.ts";
import { ConnectionCore } from "./connection-core.ts";
import { H3Code } from "./error-code.ts";
import { RESERVED_FRAME } from "./frame/reserved.ts";
import { STREAM_ID_STEP, StreamKind, streamKindOf } from "./frame/frame-type.ts";
import { MAX_GOAWAY_FRAME_BYTES, writeGoAway } from "./frame/goaway.ts";
import { settingsFrameBound, writeSettings } from "./frame/settings.ts";
import { H3Error } from "./h3-error.ts";
import type { H3Limits } from "./h3-limits.ts";
import type { H3ClientOwner, H3ServerOwner } from "./h3-owner.ts";
import { H3Scratch } from "./h3-scratch.ts";
import type { H3Clock, H3Sink } from "./h3-sink.ts";
import { Awaiting, type H3Stream } from "./h3-stream.ts";
import { localSettings } from "./local-settings.ts";
import { MessageFrames } from "./message-frames.ts";
import { PeerStreams } from "./peer-streams.ts";
import { RequestSections } from "./request-sections.ts";
import { ResponseSections } from "./response-sections.ts";
import { Sender } from "./sender.ts";

interface H3CommonOptions {
  readonly limits: H3Limits;
  readonly sink: H3Sink;
  readonly clock: H3Clock;
  /** One for all connections of a worker; otherwise the connection has its own. */
  readonly scratch?: H3Scratch;
}

export interface H3ServerOptions extends H3CommonOptions {
  readonly role: "server";
  readonly owner: H3ServerOwner;
}

export interface H3ClientOptions extends H3CommonOptions {
  readonly role: "client";
  readonly owner: H3ClientOwner;
  /** Of every request. */
  readonly scheme: "http" | "https";
}

export type H3Options = H3ServerOptions | H3ClientOptions;

export class H3Connection implements ServerCodec, ClientCodec {
  readonly #scheme: string;
  readonly #core: ConnectionCore;
  readonly #messages: MessageFrames;
  readonly #peerStreams: PeerStreams;
  readonly #sender: Sender;
  /** Of the last GOAWAY that we have sent. */
  #goneAwayId = Infinity;

  constructor(options: H3Options) {
    const scratch = options.scratch ?? new H3Scratch();
    const isServer = options.role === "server";
    this.#scheme = isServer ? "" : options.scheme;
    this.#core = new ConnectionCore(options, scratch);
    this.#sender = new Sender(this.#core, scratch.held);
    const taker = isServer
      ? new RequestSections(this.#core, options.owner, scratch)
      : new ResponseSections(this.#core, options.owner);
    this.#messages = new MessageFrames(this.#core, taker);
    this.#peerStreams = new PeerStreams(this.#core, this.#messages);
  }

  /** Neither failed nor closed. */
  get open(): boolean {
    return this.#core.open;
  }

  /** Streams that are not over. */
  get streamCount(): number {
    return this.#core.streams.size;
  }

  /** The highest stream that was taken up (server), or opened (client); -4: none. `goAway` names the one behind it in the end. */
  get lastStreamId(): number {
    return this.#core.lastId;
  }

  /** Octets on the way out that wait, over all streams. */
  get queuedBytes(): number {
    return this.#core.queuedBytes;
  }

  /** Server: when the oldest stream was opened whose head is not complete; `Infinity` when there is none. See `endSlowHeads`. */
  get partialSinceMs(): number {
    const { slowHeads } = this.#core;
    // Asked after every read: an iterator would be made for nothing.
    if (slowHeads.size === 0) return Infinity;
    for (const stream of slowHeads) return stream.openedMs;
    return Infinity;
  }

  /**
   * Since when no stream is held back by its owner, in the clock's milliseconds; `Infinity` while one is: its
   * octets lie in the connection's window, and may leave others no room.
   */
  get windowOpenMs(): number {
    const { heldBack, windowOpenedMs } = this.#core;
    return heldBack > 0 ? Infinity : windowOpenedMs;
  }

  /** The peer's SETTINGS have come. */
  get settled(): boolean {
    return this.#core.peer.known;
  }

  /** The peer takes extended CONNECT (RFC 9220); false before it has said so. */
  get peerConnectProtocol(): boolean {
    return this.#core.peer.connectProtocol;
  }

  /** The peer takes HTTP datagrams (RFC 9297). */
  get peerDatagrams(): boolean {
    return this.#core.peer.datagrams;
  }

  /** What the peer advises; `Infinity`: nothing. */
  get peerMaxFieldSectionBytes(): number {
    return this.#core.peer.maxFieldSectionBytes;
  }

  /** Opens the control stream, which begins with SETTINGS, and those of QPACK. QUIC's handshake need not be complete. */
  start(): void {
    const { isServer, limits, clock, control } = this.#core;
    const pairs = localSettings(isServer, limits, clock.nowMs);
    const frame = Buffer.allocUnsafe(settingsFrameBound(pairs));
    control.add(frame, 0, writeSettings(frame, 0, pairs));
    this.streamsAllowed();
  }

  // What QUIC tells. Each does nothing when not `open`.

  /** Octets of a stream in order; `fin`: its end is behind them, and there may be none in front. They are read during the call. */
  streamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    const core = this.#core;
    if (!core.open) return;
    const kind = streamKindOf(id);
    if (kind === StreamKind.request) this.#requestData(id, bytes, start, end, fin);
    else if (this.#isPeers(kind)) this.#peerStreams.receive(id, bytes, start, end, fin);
    else if (kind === StreamKind.serverBidirectional && !core.isServer)
      core.fail(H3Code.streamCreationError, "a bidirectional stream of a server");
    this.#sender.release();
  }

  /** RESET_STREAM. */
  streamReset(id: number, code: number): void {
    const core = this.#core;
    if (!core.open) return;
    const kind = streamKindOf(id);
    const stream = core.streams.get(id);
    if (this.#isPeers(kind)) this.#peerStreams.reset(id);
    else if (stream === undefined) this.#endUnseen(id);
    else if (mayReceive(stream.state)) core.resetByPeer(stream, code);
    this.#sender.release();
  }

  /**
   * STOP_SENDING. A client that wants no response has given its request up; a server that wants no more of
   * a request may answer all the same (RFC 9114 section 4.1).
   */
  streamStopped(id: number, code: number): void {
    const core = this.#core;
    if (!core.open) return;
    const stream = core.streams.get(id);
    const own = id === core.control.id || id === core.encoderStream.id || id === core.decoderStream.id;
    if (own) core.fail(H3Code.closedCriticalStream, "a stream is not wanted that has to stay");
    else if (stream === undefined || !maySend(stream.state)) this.#endUnseen(id);
    else if (core.isServer || code === H3Code.requestRejected) core.resetByPeer(stream, code);
    else this.#sender.stop(stream);
    this.#sender.release();
  }

  /** There is room again after a write of the stream took less than all. */
  streamWritable(id: number): void {
    const core = this.#core;
    if (!core.open) return;
    const stream = core.streams.get(id);
    if (stream !== undefined) this.#sender.writable(stream);
    else if (id === core.control.id) core.control.flush();
    else if (id === core.encoderStream.id) core.encoderStream.flush();
    else if (id === core.decoderStream.id) core.decoderStream.flush();
    this.#sender.release();
  }

  /** The peer allows more streams than before. */
  streamsAllowed(): void {
    const { open, control, encoderStream, decoderStream } = this.#core;
    if (!open) return;
    if (control.id === -1) control.flush();
    if (encoderStream.id === -1) encoderStream.flush();
    if (decoderStream.id === -1) decoderStream.flush();
  }

  /** The transport is gone, or is given up: every stream gets its `onStreamError` with this text. */
  closed(text: string): void {
    if (!this.#core.open) return;
    this.#core.abandon(new H3Error("closed", H3Code.requestCancelled, text, { scope: "connection" }));
    // Nothing of this connection stays in the memory that it shares with others.
    this.#sender.release();
  }

  // What the owner does.

  /** What was written outside of the calls above goes to the sink now. */
  flush(): void {
    this.#sender.release();
  }

  /**
   * Server: writes a 1xx head, or the final one. `ended`: neither body nor trailers follow, so that the
   * stream's end goes with the head; `sendEnd` is to be called all the same. Nothing happens on a stream
   * that is over.
   */
  sendHead(stream: H3Stream, head: ResponseHead, ended: boolean): void {
    if (!maySend(stream.state) || stream.stopped) return;
    assert(!stream.endWritten, "a head behind the end");
    const isFinal = head.status >= 200;
    if (isFinal && head.hasBody && !stream.isTunnel) stream.endsAtBytes = endOf(head);
    if (isFinal && !ended) this.#core.priorities.merge(stream, head.fields);
    this.#sender.response(stream, head, isFinal && ended);
  }

  /**
   * Client: opens a stream with this request. `null`: none can be opened (limit of the peer's or our own,
   * GOAWAY, not open). Of a request with `upgrade` an extended CONNECT is made, which needs
   * `peerConnectProtocol`. `ended`: neither body nor trailers follow; `sendEnd` may be called or not.
   */
  openStream(head: RequestHead, ended: boolean, user: object): H3Stream | null {
    if (!this.canOpenStream) return null;
    const core = this.#core;
    const id = core.sink.openBidirectional();
    if (id === -1) return null;
    const stream = core.addStream(id);
    stream.isKnown = true;
    stream.user = user;
    stream.isHead = head.method === "HEAD";
    stream.isTunnel = head.upgrade !== "";
    if (!stream.isTunnel) stream.endsAtBytes = endOf(head);
    this.#sender.request(stream, head, this.#scheme, ended);
    return stream;
  }

  /** Client: whether `openStream` would open one. */
  get canOpenStream(): boolean {
    const { isServer, open, streams, limits, sink } = this.#core;
    if (isServer || !open || this.exhausted || streams.size >= limits.maxConcurrentStreams) return false;
    return sink.bidirectionalLeft() > 0;
  }

  /** Client: no stream will be opened any more, because the peer has sent GOAWAY. */
  get exhausted(): boolean {
    return this.#core.lastId + STREAM_ID_STEP >= this.#core.goAwayId;
  }

  /**
   * Sends a part of the body: a small one waits for the end of the batch, of a large one QUIC takes what it
   * can, the rest is copied and waits. False: pause until `onStreamDrained`, as another part of this size
   * would not fit into `maxSendBufferBytes`. Nothing happens on a stream that is over.
   */
  sendData(stream: H3Stream, bytes: Buffer, start: number, end: number): boolean {
    return this.#sender.data(stream, bytes, start, end);
  }

  /**
   * Our side of the stream is complete; the trailers are read during the call. A request that is still
   * coming goes on after its response: `ignoreRest` stops it. Nothing happens on a stream that is over.
   */
  sendEnd(stream: H3Stream, trailers: Fields | null): void {
    this.#sender.end(stream, trailers);
  }

  /**
   * Server: the response is about to end, and no more of the request is wanted. What still comes is thrown
   * away unseen; when the response has been sent whole, STOP_SENDING with H3_NO_ERROR tells the client
   * (RFC 9114 section 4.1).
   */
  ignoreRest(stream: H3Stream): void {
    stream.awaiting = Awaiting.nothing;
  }

  /** Ends the stream at once, in both directions; no call of the owner's follows for it. Nothing happens on a stream that is over. */
  reset(stream: H3Stream, code: H3Code): void {
    this.#core.reset(stream, code);
  }

  /** As `reset`, with the code that the fault has in HTTP/3. */
  cancel(stream: H3Stream, fault: Fault): void {
    this.#core.reset(stream, fault.h3Code);
  }

  /** Client: the response is whole, and nobody waits for the rest of the request: it is reset with H3_NO_ERROR. */
  enough(stream: H3Stream): void {
    this.#core.reset(stream, H3Code.noError);
  }

  /**
   * So many octets of those that `onData` brought have been passed on. While more than a stream may have
   * with its owner are not, what follows stays with QUIC, whose window then holds the peer back. Nothing
   * happens on a stream that is over.
   */
  consumed(stream: H3Stream, bytes: number): void {
    this.#core.consumed(stream, bytes);
  }

  /**
   * Server: requests from `id` on are not taken up from now on. `MAX_STREAM_ID` announces it only, and
   * `lastStreamId + 4` follows (RFC 9114 section 5.2). Client: it takes no push from `id` on, 0 says all.
   * Streams go on in either case. A larger one than before changes nothing.
   */
  goAway(id: number): void {
    const core = this.#core;
    if (!core.open || id >= this.#goneAwayId) return;
    this.#goneAwayId = id;
    if (core.isServer) core.goAwayId = id;
    const frame = Buffer.allocUnsafe(MAX_GOAWAY_FRAME_BYTES);
    core.control.add(frame, 0, writeGoAway(frame, 0, id));
    core.control.flush();
  }

  /**
   * Sends a frame that every peer ignores, in a packet of such a length that one which knows the connection no more
   * answers it with a stateless reset (RFC 9000 section 10.3); a PING is too short for that. For a peer that is
   * silent, and once in each silence, as it takes room until QUIC takes it.
   */
  sendReserved(): void {
    const { open, control } = this.#core;
    if (!open) return;
    control.add(RESERVED_FRAME, 0, RESERVED_FRAME.length);
    control.flush();
  }

  /**
   * Server: ends the streams whose head is not complete and that were opened before `beforeMs`, with
   * H3_REQUEST_INCOMPLETE; returns how many. The owner has heard of none of them, unless their field section
   * waits for its dynamic table.
   */
  endSlowHeads(beforeMs: number): number {
    const core = this.#core;
    let count = 0;
    for (const stream of core.slowHeads) {
      if (stream.openedMs >= beforeMs) continue;
      count++;
      core.failStream(stream, H3Code.requestIncomplete, "the head is too slow");
    }
    return count;
  }

  /** The close of an orderly end, or of a mistake of our own: CONNECTION_CLOSE. Streams end as with `closed`. */
  close(code: H3Code, text: string): void {
    if (!this.#core.open) return;
    this.#sender.release();
    this.#core.sink.close(code, text);
    this.closed(text);
  }

  #requestData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    const core = this.#core;
    const stream = core.streams.get(id) ?? (core.isServer ? this.#takeUp(id) : null);
    if (stream !== null && mayReceive(stream.state)) this.#messages.receive(stream, bytes, start, end, fin);
  }

  /** A new stream of the client's; `null`: it is refused, or is over. */
  #takeUp(id: number): H3Stream | null {
    const core = this.#core;
    if (!core.seen.use(id)) return null;
    if (id < core.goAwayId && core.streams.size < core.limits.maxConcurrentStreams) return core.addStream(id);
    core.reject(id);
    // Of a client that has heard our GOAWAY it is a mistake; it may have crossed it on the way.
    core.charge("closed_streams");
    return null;
  }

  /**
   * A stream is given up that is over, or of which nothing has come: QUIC forgets it when both of its
   * directions have ended.
   */
  #endUnseen(id: number): void {
    const core = this.#core;
    if (!core.charge("closed_streams") || !core.isServer || streamKindOf(id) !== StreamKind.request) return;
    if (!core.seen.use(id)) return;
    core.sink.reset(id, H3Code.requestCancelled);
    core.sink.stop(id, H3Code.requestCancelled);
  }

  /** Whether the stream is one that the peer sends on and we do not. */
  #isPeers(kind: number): boolean {
    return kind === (this.#core.isServer ? StreamKind.clientUnidirectional : StreamKind.serverUnidirectional);
  }
}
