/**
 * Writes whole frames into the sink, except header blocks (`HeadWriter`) and DATA (`Sender`). Control
 * frames go out whatever the sink says, as the peer may be waiting for them before it reads on; a peer
 * that never reads is found by `unread`.
 */
import { MAX_UNREAD_BYTES } from "../multiplexed/abuse-budget.ts";
import { goAwayFrameLength, writeGoAway } from "./frame/goaway.ts";
import { PING_FRAME_BYTES, writePing, writePingAck } from "./frame/ping.ts";
import { RST_STREAM_FRAME_BYTES, writeRstStream } from "./frame/rst-stream.ts";
import { type SettingPairs, settingsFrameLength, writeSettings, writeSettingsAck } from "./frame/settings.ts";
import { FRAME_HEADER_BYTES } from "./frame/frame-type.ts";
import { WINDOW_UPDATE_FRAME_BYTES, writeWindowUpdate } from "./frame/window-update.ts";
import { CLIENT_PREFACE } from "./preface.ts";
import type { H2Sink } from "./h2-sink.ts";

export class FrameWriter {
  readonly sink: H2Sink;

  constructor(sink: H2Sink) {
    this.sink = sink;
  }

  /** More is queued than a peer lets lie that reads at all. */
  get unread(): boolean {
    return this.sink.blocked() && this.sink.queuedBytes() > MAX_UNREAD_BYTES;
  }

  /** The octets that a client begins with (RFC 9113 section 3.4). */
  preface(): void {
    const at = this.sink.reserve(CLIENT_PREFACE.length);
    this.sink.out.set(CLIENT_PREFACE, at);
    this.sink.send(at, at + CLIENT_PREFACE.length);
  }

  settings(pairs: SettingPairs): void {
    const at = this.sink.reserve(settingsFrameLength(pairs));
    this.sink.send(at, writeSettings(this.sink.out, at, pairs));
  }

  settingsAck(): void {
    const at = this.sink.reserve(FRAME_HEADER_BYTES);
    this.sink.send(at, writeSettingsAck(this.sink.out, at));
  }

  ping(number: number): void {
    const at = this.sink.reserve(PING_FRAME_BYTES);
    this.sink.send(at, writePing(this.sink.out, at, number));
  }

  pingAck(payload: Uint8Array, start: number): void {
    const at = this.sink.reserve(PING_FRAME_BYTES);
    this.sink.send(at, writePingAck(this.sink.out, at, payload, start));
  }

  rstStream(streamId: number, code: number): void {
    const at = this.sink.reserve(RST_STREAM_FRAME_BYTES);
    this.sink.send(at, writeRstStream(this.sink.out, at, streamId, code));
  }

  windowUpdate(streamId: number, increment: number): void {
    const at = this.sink.reserve(WINDOW_UPDATE_FRAME_BYTES);
    this.sink.send(at, writeWindowUpdate(this.sink.out, at, streamId, increment));
  }

  goAway(lastId: number, code: number, text: string): void {
    const at = this.sink.reserve(goAwayFrameLength(text));
    this.sink.send(at, writeGoAway(this.sink.out, at, lastId, code, text));
  }
}
