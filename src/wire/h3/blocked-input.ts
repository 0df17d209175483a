/**
 * What a stream has sent while its field section refers to entries that have not come (RFC 9204 section
 * 2.1.2): the section, and what the same read had behind it. QUIC is paused then, so there is one read at
 * most; and `qpackBlockedStreams` bounds the streams.
 */
import { SendBuffer } from "../multiplexed/send-buffer.ts";

export class BlockedInput {
  readonly section: Buffer;
  /** What follows the section; `null`: nothing has come. */
  rest: SendBuffer | null = null;
  /** The stream ends behind it. */
  fin = false;

  constructor(section: Buffer) {
    this.section = section;
  }

  append(bytes: Buffer, start: number, end: number, fin: boolean): void {
    if (fin) this.fin = true;
    if (start === end) return;
    this.rest ??= new SendBuffer(end - start);
    this.rest.append(bytes, start, end);
  }
}
