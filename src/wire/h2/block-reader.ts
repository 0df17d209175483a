/**
 * Decodes whole header blocks, and knows what those mean that belong to no head: trailer sections, and
 * blocks on streams that are over, which are decoded all the same, as each changes the HPACK table.
 *
 * Used by `RequestBlocks` and `ResponseBlocks`, which know heads.
 */
import { HpackDecoder, HpackOutcome } from "../hpack/decoder.ts";
import type { FieldSink } from "../field-codec/field-view.ts";
import { Closing } from "./closed-streams.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { H2Code } from "./error-code.ts";
import type { H2Scratch } from "./h2-scratch.ts";
import { Awaiting, type H2Stream } from "./h2-stream.ts";
import { MAX_PSEUDO_FIELDS } from "../multiplexed/head/pseudo-fields.ts";
import { TrailerReader } from "../multiplexed/head/trailer-reader.ts";
import { mayReceive } from "../multiplexed/stream-state.ts";

const NOBODY: FieldSink = { onField(): void {} };

/** A header block that is complete. */
export interface WholeBlock {
  streamId: number;
  endStream: boolean;
  /** The stream that it says it depends on; -1: none. */
  dependency: number;
  bytes: Buffer;
  start: number;
  end: number;
}

/** Whoever reads blocks in a role. */
export interface BlockTaker {
  take(block: WholeBlock): void;
}

export class BlockReader {
  readonly #core: ConnectionCore;
  readonly #decoder: HpackDecoder;
  readonly #trailers: TrailerReader = new TrailerReader();

  constructor(core: ConnectionCore, scratch: H2Scratch) {
    const { maxHeaderListBytes, maxFields } = core.limits;
    this.#core = core;
    const limits = { maxListBytes: maxHeaderListBytes, maxFields: maxFields + MAX_PSEUDO_FIELDS };
    this.#decoder = new HpackDecoder(limits, scratch.hpack);
  }

  /** Hands the fields to the sink. `complete`, `tooLarge`, or the connection has failed. */
  decode(block: WholeBlock, sink: FieldSink): HpackOutcome {
    const decoder = this.#decoder;
    const outcome = decoder.decode(block.bytes, block.start, block.end, sink);
    if (outcome === HpackOutcome.error) this.#core.fail(H2Code.compressionError, decoder.reason);
    if (outcome === HpackOutcome.bomb)
      this.#core.fail(H2Code.enhanceYourCalm, decoder.reason, "header_block");
    return outcome;
  }

  /** Decodes a block that nobody wants; false: the connection has failed. */
  discard(block: WholeBlock): boolean {
    this.decode(block, NOBODY);
    return this.#core.open;
  }

  /** A block on a stream that is neither open nor idle, RFC 9113 section 5.1. */
  takeClosed(block: WholeBlock): void {
    const core = this.#core;
    const id = block.streamId;
    if (core.streams.wasSkipped(id))
      return core.fail(H2Code.protocolError, "HEADERS on a stream that was passed over");
    const closing = core.streams.closingOf(id);
    if (closing === Closing.ended) return core.fail(H2Code.streamClosed, "HEADERS on a closed stream");
    if (!this.discard(block)) return;
    if (closing === Closing.byPeer) core.refuse(id, H2Code.streamClosed);
    else core.charge("closed_streams");
  }

  /** A block behind the final head of a stream that is open: its trailer section. */
  takeTrailers(stream: H2Stream, block: WholeBlock): void {
    const core = this.#core;
    if (stream.awaiting === Awaiting.nothing && mayReceive(stream.state)) {
      if (this.discard(block) && block.endStream) core.receiveEnd(stream, core.noTrailers);
      return;
    }
    const wrong = wrongTrailers(stream, block);
    if (wrong !== "") {
      const code = mayReceive(stream.state) ? H2Code.protocolError : H2Code.streamClosed;
      if (this.discard(block)) core.failStream(stream, code, wrong);
      return;
    }
    const reader = this.#trailers;
    reader.begin();
    const outcome = this.decode(block, reader);
    if (!core.open) return;
    if (outcome === HpackOutcome.tooLarge)
      core.failStream(stream, H2Code.enhanceYourCalm, "a trailer section over its limit");
    else if (reader.malformed !== "") core.failStream(stream, H2Code.protocolError, reader.malformed);
    else core.receiveEnd(stream, reader.trailers);
  }
}

/** Why the block cannot be a trailer section; empty when it can. */
function wrongTrailers(stream: H2Stream, block: WholeBlock): string {
  if (!mayReceive(stream.state)) return "HEADERS behind the end of the stream";
  if (!block.endStream) return "a second head without END_STREAM";
  return stream.isTunnel ? "HEADERS in a tunnel" : "";
}
