/**
 * Header blocks as a client takes them: informational responses, the final one, a trailer section, each
 * on a stream that we opened (RFC 9113 section 8.1).
 */
import { HpackOutcome } from "../hpack/decoder.ts";
import { HttpVersion } from "../http/message.ts";
import { MAX_INFORMATIONAL } from "../h1/h1-limits.ts";
import { BlockReader, type BlockTaker, type WholeBlock } from "./block-reader.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { H2Code } from "./error-code.ts";
import type { H2ClientOwner } from "./h2-owner.ts";
import type { H2Scratch } from "./h2-scratch.ts";
import { ANY_LENGTH, Awaiting, type H2Stream } from "./h2-stream.ts";
import { ResponseReader } from "../multiplexed/head/response-reader.ts";
import { mayReceive } from "../multiplexed/stream-state.ts";

export class ResponseBlocks implements BlockTaker {
  readonly #core: ConnectionCore;
  readonly #owner: H2ClientOwner;
  readonly #blocks: BlockReader;
  readonly #reader: ResponseReader = new ResponseReader(HttpVersion.http2);

  constructor(core: ConnectionCore, owner: H2ClientOwner, scratch: H2Scratch) {
    this.#core = core;
    this.#owner = owner;
    this.#blocks = new BlockReader(core, scratch);
  }

  take(block: WholeBlock): void {
    const { streams } = this.#core;
    const stream = streams.get(block.streamId);
    if (stream === null && streams.isIdle(block.streamId))
      this.#core.fail(H2Code.protocolError, "HEADERS on a stream that we did not open");
    else if (stream === null) this.#blocks.takeClosed(block);
    else if (stream.awaiting === Awaiting.head && mayReceive(stream.state)) this.#read(block, stream);
    else this.#blocks.takeTrailers(stream, block);
  }

  #read(block: WholeBlock, stream: H2Stream): void {
    const core = this.#core;
    const reader = this.#reader;
    const head = this.#owner.responseHead(stream);
    reader.begin(head);
    const outcome = this.#blocks.decode(block, reader);
    if (!core.open) return;
    reader.end(block.endStream, stream.isHead, stream.isTunnel);
    reader.release();
    if (outcome === HpackOutcome.tooLarge)
      return core.failStream(stream, H2Code.enhanceYourCalm, "a response head over its limit");
    if (reader.malformed === "" && head.status < 200) return this.#takeInformational(stream);
    if (reader.malformed !== "") return core.failStream(stream, H2Code.protocolError, reader.malformed);
    stream.awaiting = Awaiting.body;
    // What has no body has nothing in it, whatever length it names.
    if (!head.hasBody) stream.expectedBytes = 0;
    else stream.expectedBytes = block.endStream || head.bodyLength < 0 ? ANY_LENGTH : head.bodyLength;
    this.#owner.onResponse(stream, block.endStream);
    if (block.endStream && mayReceive(stream.state)) core.receiveEnd(stream, core.noTrailers);
  }

  #takeInformational(stream: H2Stream): void {
    stream.informationalCount++;
    if (stream.informationalCount <= MAX_INFORMATIONAL) this.#owner.onInformational(stream);
    else this.#core.failStream(stream, H2Code.protocolError, "too many informational responses");
  }
}
