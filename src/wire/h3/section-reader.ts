/**
 * Decodes whole field sections (RFC 9204), and knows what those mean that belong to no head: trailers.
 *
 * Used by `RequestSections` and `ResponseSections`, which know heads.
 */
import type { FieldSink } from "../field-codec/field-view.ts";
import { Fields } from "../http/fields.ts";
import { TrailerReader } from "../multiplexed/head/trailer-reader.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { H3Code } from "./error-code.ts";
import { Awaiting, type H3Stream } from "./h3-stream.ts";
import { QpackOutcome } from "./qpack/qpack-code.ts";

/** A field section that is complete. */
export interface WholeSection {
  bytes: Buffer;
  start: number;
  end: number;
  /** The stream's end has come with it. */
  ended: boolean;
}

/** Whoever reads sections in a role. */
export interface SectionTaker {
  /** False: entries are missing, and the section is to be given again when they have come. */
  take(stream: H3Stream, section: WholeSection): boolean;
  /** A section is over its limit, and was not kept. */
  tooLarge(stream: H3Stream): void;
  /** The stream has ended before its final head. */
  headMissing(stream: H3Stream): void;
}

export class SectionReader {
  readonly #core: ConnectionCore;
  readonly #trailers: TrailerReader = new TrailerReader();

  constructor(core: ConnectionCore) {
    this.#core = core;
  }

  /** Hands the fields to the sink. `complete`, `tooLarge`, `blocked`, or the connection has failed. */
  decode(stream: H3Stream, section: WholeSection, sink: FieldSink): QpackOutcome {
    const core = this.#core;
    const { decoder } = core;
    const outcome = decoder.decode(stream.id, section.bytes, section.start, section.end, sink);
    if (outcome === QpackOutcome.error) core.fail(decoder.code, decoder.reason);
    else core.flushFeedback();
    return outcome;
  }

  /** The section behind the body. Returns as `SectionTaker.take`. */
  takeTrailers(stream: H3Stream, section: WholeSection): boolean {
    const core = this.#core;
    const reader = this.#trailers;
    reader.begin();
    const outcome = this.decode(stream, section, reader);
    if (outcome === QpackOutcome.blocked) return false;
    if (!core.open) return true;
    if (outcome === QpackOutcome.tooLarge) this.trailersTooLarge(stream);
    else if (reader.malformed !== "") core.failStream(stream, H3Code.messageError, reader.malformed);
    else if (section.ended) core.receiveEnd(stream, reader.trailers);
    else this.#keep(stream, reader.trailers);
    return true;
  }

  trailersTooLarge(stream: H3Stream): void {
    this.#core.failStream(stream, H3Code.excessiveLoad, "a trailer section over its limit");
  }

  /** Until the stream ends. */
  #keep(stream: H3Stream, trailers: Fields): void {
    stream.awaiting = Awaiting.end;
    if (trailers.count === 0) return;
    stream.trailers = new Fields();
    stream.trailers.addAll(trailers);
  }
}
