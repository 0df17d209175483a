/**
 * Header blocks as a server takes them: each opens a stream with a request, or is the trailer section
 * of one (RFC 9113 sections 5.1.1, 5.1.2 and 8.1).
 */
import { Fault } from "../../base/fault.ts";
import { HttpVersion } from "../http/message.ts";
import { HpackOutcome } from "../hpack/decoder.ts";
import { MAX_QUEUED_FOR_STREAM_BYTES } from "../multiplexed/abuse-budget.ts";
import { BlockReader, type BlockTaker, type WholeBlock } from "./block-reader.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { H2Code } from "./error-code.ts";
import type { H2ServerOwner } from "./h2-owner.ts";
import type { H2Scratch } from "./h2-scratch.ts";
import { ANY_LENGTH, Awaiting, type H2Stream } from "./h2-stream.ts";
import { RequestReader } from "../multiplexed/head/request-reader.ts";
import { mayReceive, nextState, StreamEvent } from "../multiplexed/stream-state.ts";

export class RequestBlocks implements BlockTaker {
  readonly #core: ConnectionCore;
  readonly #owner: H2ServerOwner;
  readonly #blocks: BlockReader;
  readonly #reader: RequestReader;

  constructor(core: ConnectionCore, owner: H2ServerOwner, scratch: H2Scratch) {
    this.#core = core;
    this.#owner = owner;
    this.#blocks = new BlockReader(core, scratch);
    this.#reader = new RequestReader(HttpVersion.http2, core.limits, scratch.crumbs);
  }

  take(block: WholeBlock): void {
    const { streams } = this.#core;
    const id = block.streamId;
    const stream = streams.get(id);
    if (stream !== null) this.#blocks.takeTrailers(stream, block);
    else if (id % 2 === 0) this.#core.fail(H2Code.protocolError, "a client's stream has an odd identifier");
    else if (!streams.isIdle(id)) this.#blocks.takeClosed(block);
    else this.#takeNew(block);
  }

  #takeNew(block: WholeBlock): void {
    const core = this.#core;
    const id = block.streamId;
    core.streams.use(id);
    const refusal = this.#refusal(block);
    if (refusal !== H2Code.noError) {
      if (this.#blocks.discard(block)) core.refuse(id, refusal);
    } else if (id > core.goAwayId) {
      // The client sends it again elsewhere (RFC 9113 section 6.8).
      this.#blocks.discard(block);
    } else {
      this.#read(block, core.openStream(id));
    }
    core.earlyPriorities?.forgetUpTo(id);
  }

  /** The code with which the stream is refused; `noError`: it is not. */
  #refusal(block: WholeBlock): H2Code {
    const core = this.#core;
    const { sink } = core.writer;
    if (block.dependency === block.streamId) return H2Code.protocolError;
    if (core.streams.size >= core.limits.maxConcurrentStreams) return H2Code.refusedStream;
    const unread = sink.blocked() && sink.queuedBytes() > MAX_QUEUED_FOR_STREAM_BYTES;
    return unread ? H2Code.refusedStream : H2Code.noError;
  }

  #read(block: WholeBlock, stream: H2Stream): void {
    const core = this.#core;
    const reader = this.#reader;
    const head = this.#owner.requestHead(stream);
    reader.begin(head);
    const outcome = this.#blocks.decode(block, reader);
    if (!core.open) return;
    if (outcome === HpackOutcome.tooLarge) {
      reader.release();
      head.fields.removeEvery();
      return this.#refuse(stream, new Fault("headers_too_large"), block.endStream);
    }
    reader.end(block.endStream);
    reader.release();
    if (reader.malformed !== "") return core.failStream(stream, H2Code.protocolError, reader.malformed);
    if (reader.fault !== null) return this.#refuse(stream, reader.fault, block.endStream);
    stream.awaiting = Awaiting.body;
    stream.isTunnel = reader.isTunnel;
    if (!reader.isTunnel && !block.endStream && head.bodyLength >= 0) stream.expectedBytes = head.bodyLength;
    else stream.expectedBytes = ANY_LENGTH;
    this.#prioritise(stream);
    this.#owner.onRequest(stream, block.endStream);
    if (block.endStream && mayReceive(stream.state)) core.receiveEnd(stream, core.noTrailers);
  }

  /** What PRIORITY_UPDATE has said before overrides the field (RFC 9218 section 7). */
  #prioritise(stream: H2Stream): void {
    const { priority, hasPriority } = this.#reader;
    const { earlyPriorities, ready } = this.#core;
    const isEarly = earlyPriorities !== null && earlyPriorities.read(stream.id, priority);
    if (hasPriority || isEarly) ready.setPriority(stream, priority.urgency, !priority.incremental);
  }

  /** The owner answers; what follows of the request is thrown away. */
  #refuse(stream: H2Stream, fault: Fault, ended: boolean): void {
    stream.awaiting = Awaiting.nothing;
    if (ended) stream.state = nextState(stream.state, StreamEvent.receiveEnd);
    this.#owner.onBadRequest(stream, fault);
  }
}
