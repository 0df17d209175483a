/** Field sections as a server takes them: a request's head, or its trailer section (RFC 9114 section 4.1). */
import { Fault } from "../../base/fault.ts";
import { HttpVersion } from "../http/message.ts";
import { RequestReader } from "../multiplexed/head/request-reader.ts";
import { nextState, StreamEvent } from "../multiplexed/stream-state.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { H3Code } from "./error-code.ts";
import type { H3ServerOwner } from "./h3-owner.ts";
import type { H3Scratch } from "./h3-scratch.ts";
import { ANY_LENGTH, Awaiting, type H3Stream } from "./h3-stream.ts";
import { QpackOutcome } from "./qpack/qpack-code.ts";
import { SectionReader, type SectionTaker, type WholeSection } from "./section-reader.ts";

export class RequestSections implements SectionTaker {
  readonly #core: ConnectionCore;
  readonly #owner: H3ServerOwner;
  readonly #sections: SectionReader;
  readonly #reader: RequestReader;

  constructor(core: ConnectionCore, owner: H3ServerOwner, scratch: H3Scratch) {
    const { maxFieldSectionBytes, underscores } = core.limits;
    this.#core = core;
    this.#owner = owner;
    this.#sections = new SectionReader(core);
    // One that was not announced is for the owner to refuse: a status says more than a reset.
    const rules = { maxHeaderListBytes: maxFieldSectionBytes, connectProtocol: true, underscores };
    this.#reader = new RequestReader(HttpVersion.http3, rules, scratch.crumbs);
  }

  take(stream: H3Stream, section: WholeSection): boolean {
    if (stream.awaiting !== Awaiting.head) return this.#sections.takeTrailers(stream, section);
    const core = this.#core;
    const reader = this.#reader;
    const head = (stream.head ??= this.#owner.requestHead(stream));
    stream.isKnown = true;
    reader.begin(head);
    const outcome = this.#sections.decode(stream, section, reader);
    if (outcome === QpackOutcome.complete) reader.end(section.ended);
    reader.release();
    if (outcome === QpackOutcome.blocked) return false;
    if (!core.open) return true;
    stream.head = null;
    core.slowHeads.delete(stream);
    if (outcome === QpackOutcome.tooLarge) {
      head.fields.removeEvery();
      this.#refuse(stream, new Fault("headers_too_large"), section.ended);
    } else if (reader.malformed !== "") {
      core.failStream(stream, H3Code.messageError, reader.malformed);
    } else if (reader.fault !== null) {
      this.#refuse(stream, reader.fault, section.ended);
    } else {
      this.#begin(stream, head.bodyLength, section.ended);
    }
    return true;
  }

  tooLarge(stream: H3Stream): void {
    if (stream.awaiting !== Awaiting.head) return this.#sections.trailersTooLarge(stream);
    this.#owner.requestHead(stream).clear();
    stream.isKnown = true;
    this.#core.slowHeads.delete(stream);
    this.#refuse(stream, new Fault("headers_too_large"), false);
  }

  headMissing(stream: H3Stream): void {
    this.#core.failStream(stream, H3Code.requestIncomplete, "the stream ended without a head");
  }

  #begin(stream: H3Stream, bodyLength: number, ended: boolean): void {
    const { priority, hasPriority, isTunnel } = this.#reader;
    stream.awaiting = Awaiting.body;
    stream.isTunnel = isTunnel;
    stream.onlyData = isTunnel;
    stream.expectedBytes = isTunnel || ended || bodyLength < 0 ? ANY_LENGTH : bodyLength;
    this.#core.priorities.begin(stream, hasPriority ? priority : null);
    this.#owner.onRequest(stream, ended);
  }

  /** The owner answers; what follows of the request is thrown away. */
  #refuse(stream: H3Stream, fault: Fault, ended: boolean): void {
    stream.awaiting = Awaiting.nothing;
    if (ended) stream.state = nextState(stream.state, StreamEvent.receiveEnd);
    this.#owner.onBadRequest(stream, fault);
  }
}
