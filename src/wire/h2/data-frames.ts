/**
 * DATA as it comes: flow control, the states of streams, and Content-Length (RFC 9113 sections 5.2, 6.1
 * and 8.1.1). All of a frame, with its padding, counts against the windows when its header comes.
 */
import { Closing } from "./closed-streams.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { H2Code } from "./error-code.ts";
import type { FrameHeader } from "./frame/frame-header.ts";
import { Flag } from "./frame/frame-type.ts";
import { ANY_LENGTH, Awaiting, type H2Stream } from "./h2-stream.ts";
import { mayReceive } from "../multiplexed/stream-state.ts";

export class DataFrames {
  readonly #core: ConnectionCore;
  /** The stream of the frame that is under way; `null`: it is not wanted. */
  #stream: H2Stream | null = null;

  constructor(core: ConnectionCore) {
    this.#core = core;
  }

  /** A frame begins; false: its octets are not wanted. */
  begin(header: FrameHeader, dataBytes: number): boolean {
    const core = this.#core;
    this.#stream = null;
    if (dataBytes > 0) core.budgets.frames++;
    else if (!header.has(Flag.endStream) && !core.charge("empty_frames")) return false;
    if (!core.window.take(header.length)) {
      core.fail(H2Code.flowControlError, "more DATA than the connection's window");
      return false;
    }
    const stream = core.streams.get(header.streamId);
    if (stream === null) this.#refuse(header);
    else if (!mayReceive(stream.state))
      this.#failStream(stream, header, H2Code.streamClosed, "DATA behind the end");
    else if (this.#take(stream, header, dataBytes)) this.#stream = stream;
    return this.#stream !== null && this.#stream.awaiting === Awaiting.body;
  }

  part(bytes: Buffer, start: number, end: number): void {
    const stream = this.#stream;
    if (stream !== null && mayReceive(stream.state)) this.#core.owner.onData(stream, bytes, start, end);
  }

  end(header: FrameHeader): void {
    const stream = this.#stream;
    this.#stream = null;
    if (stream !== null && header.has(Flag.endStream) && mayReceive(stream.state))
      this.#core.receiveEnd(stream, this.#core.noTrailers);
  }

  /** A frame on a stream that may have one; false: it has not been taken. */
  #take(stream: H2Stream, header: FrameHeader, dataBytes: number): boolean {
    const core = this.#core;
    const { length } = header;
    if (!stream.window.take(length)) {
      core.failStream(stream, H2Code.flowControlError, "more DATA than the stream's window");
      return false;
    }
    stream.receivedBytes += dataBytes;
    const wrong = wrongData(stream, header.has(Flag.endStream));
    if (wrong !== "") {
      core.failStream(stream, H2Code.protocolError, wrong);
      return false;
    }
    const unwanted = stream.awaiting === Awaiting.nothing ? length : length - dataBytes;
    if (unwanted > 0) core.consumed(stream, unwanted);
    return true;
  }

  /** The frame was counted for the connection only. */
  #failStream(stream: H2Stream, header: FrameHeader, code: H2Code, text: string): void {
    this.#core.giveBack(header.length);
    this.#core.failStream(stream, code, text);
  }

  /** DATA on a stream that is not open, RFC 9113 section 5.1. */
  #refuse(header: FrameHeader): void {
    const core = this.#core;
    const id = header.streamId;
    if (core.streams.isIdle(id)) return core.fail(H2Code.protocolError, "DATA on an idle stream");
    const closing = core.streams.closingOf(id);
    if (closing === Closing.ended || core.streams.wasSkipped(id))
      return core.fail(H2Code.streamClosed, "DATA on a closed stream");
    core.giveBack(header.length);
    if (closing === Closing.byPeer) core.refuse(id, H2Code.streamClosed);
  }
}

/** What is wrong with the octets that a stream has had by now; empty: nothing. */
function wrongData(stream: H2Stream, ended: boolean): string {
  const { expectedBytes, receivedBytes } = stream;
  if (stream.awaiting === Awaiting.head) return "DATA in front of a head";
  if (expectedBytes === ANY_LENGTH) return "";
  if (receivedBytes > expectedBytes) return "the body is longer than Content-Length";
  return ended && receivedBytes < expectedBytes ? "the body is shorter than Content-Length" : "";
}
