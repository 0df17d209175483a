/**
 * Field sections as a client takes them: informational responses, the final one, a trailer section
 * (RFC 9114 section 4.1).
 */
import { MAX_INFORMATIONAL } from "../h1/h1-limits.ts";
import { HttpVersion, type ResponseHead } from "../http/message.ts";
import { ResponseReader } from "../multiplexed/head/response-reader.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { H3Code } from "./error-code.ts";
import type { H3ClientOwner } from "./h3-owner.ts";
import { ANY_LENGTH, Awaiting, type H3Stream } from "./h3-stream.ts";
import { QpackOutcome } from "./qpack/qpack-code.ts";
import { SectionReader, type SectionTaker, type WholeSection } from "./section-reader.ts";

export class ResponseSections implements SectionTaker {
  readonly #core: ConnectionCore;
  readonly #owner: H3ClientOwner;
  readonly #sections: SectionReader;
  readonly #reader: ResponseReader = new ResponseReader(HttpVersion.http3);

  constructor(core: ConnectionCore, owner: H3ClientOwner) {
    this.#core = core;
    this.#owner = owner;
    this.#sections = new SectionReader(core);
  }

  take(stream: H3Stream, section: WholeSection): boolean {
    if (stream.awaiting !== Awaiting.head) return this.#sections.takeTrailers(stream, section);
    const core = this.#core;
    const reader = this.#reader;
    const head = this.#owner.responseHead(stream);
    reader.begin(head);
    const outcome = this.#sections.decode(stream, section, reader);
    if (outcome === QpackOutcome.complete) reader.end(section.ended, stream.isHead, stream.isTunnel);
    reader.release();
    if (outcome === QpackOutcome.blocked) return false;
    if (!core.open) return true;
    if (outcome === QpackOutcome.tooLarge) this.tooLarge(stream);
    else if (reader.malformed !== "") core.failStream(stream, H3Code.messageError, reader.malformed);
    else if (head.status < 200) this.#takeInformational(stream);
    else this.#begin(stream, head, section.ended);
    return true;
  }

  tooLarge(stream: H3Stream): void {
    if (stream.awaiting !== Awaiting.head) return this.#sections.trailersTooLarge(stream);
    this.#core.failStream(stream, H3Code.excessiveLoad, "a response head over its limit");
  }

  headMissing(stream: H3Stream): void {
    this.#core.failStream(stream, H3Code.messageError, "the stream ended without a final head");
  }

  #begin(stream: H3Stream, head: ResponseHead, ended: boolean): void {
    stream.awaiting = Awaiting.body;
    stream.onlyData = stream.isTunnel && head.status < 300;
    // What has no body has nothing in it, whatever length it names.
    if (!head.hasBody) stream.expectedBytes = 0;
    else stream.expectedBytes = ended || head.bodyLength < 0 ? ANY_LENGTH : head.bodyLength;
    this.#owner.onResponse(stream, ended);
  }

  #takeInformational(stream: H3Stream): void {
    stream.informationalCount++;
    if (stream.informationalCount <= MAX_INFORMATIONAL) this.#owner.onInformational(stream);
    else this.#core.failStream(stream, H3Code.messageError, "too many informational responses");
  }
}
