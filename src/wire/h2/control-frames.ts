/**
 * Frames that carry no message: SETTINGS, PING, GOAWAY, RST_STREAM, WINDOW_UPDATE, PRIORITY and
 * PRIORITY_UPDATE (RFC 9113 section 6, RFC 9218 section 7.1). Lengths were checked with the header.
 */
import { SETTINGS_PER_COST } from "../multiplexed/abuse-budget.ts";
import { EarlyPriorities } from "../multiplexed/early-priorities.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { H2Code } from "./error-code.ts";
import type { FrameHeader } from "./frame/frame-header.ts";
import { Flag, FrameType } from "./frame/frame-type.ts";
import { readGoAwayCode, readGoAwayLastId, readGoAwayText } from "./frame/goaway.ts";
import { readPingNumber } from "./frame/ping.ts";
import { PRIORITY_FRAME_BYTES, readDependency } from "./frame/priority.ts";
import {
  MAX_PRIORITY_VALUE_BYTES,
  PRIORITY_UPDATE_BYTES,
  readPrioritizedId,
} from "./frame/priority-update.ts";
import { readRstStream } from "./frame/rst-stream.ts";
import { readSettingId, readSettingValue, Setting, SETTING_BYTES } from "./frame/settings.ts";
import { readWindowUpdate } from "./frame/window-update.ts";
import type { HeadWriter } from "./head-writer.ts";
import { Liveness } from "./liveness.ts";
import { PriorityField } from "../multiplexed/priority-field.ts";
import type { Sender } from "./sender.ts";

export class ControlFrames {
  readonly liveness: Liveness;
  readonly #core: ConnectionCore;
  readonly #sender: Sender;
  readonly #heads: HeadWriter;
  readonly #priority: PriorityField = new PriorityField();

  constructor(core: ConnectionCore, sender: Sender, heads: HeadWriter) {
    this.#core = core;
    this.#sender = sender;
    this.#heads = heads;
    this.liveness = new Liveness(core);
  }

  take(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    switch (header.type) {
      case FrameType.windowUpdate:
        return this.#takeWindowUpdate(header.streamId, readWindowUpdate(bytes, start));
      case FrameType.settings:
        return this.#takeSettings(header, bytes, start, end);
      case FrameType.ping:
        return this.#takePing(header, bytes, start);
      case FrameType.rstStream:
        return this.#takeRstStream(header.streamId, readRstStream(bytes, start));
      case FrameType.goAway:
        return this.#takeGoAway(bytes, start, end);
      case FrameType.priority:
        return this.#takePriority(header, bytes, start);
      case FrameType.priorityUpdate:
        return this.#takePriorityUpdate(header, bytes, start, end);
    }
    // Every other type is unknown, and ignored (RFC 9113 section 4.1).
    this.#core.charge("empty_frames");
  }

  #takeWindowUpdate(streamId: number, increment: number): void {
    const core = this.#core;
    if (!core.charge("window_updates")) return;
    if (streamId === 0) {
      if (increment === 0) core.fail(H2Code.protocolError, "WINDOW_UPDATE by 0");
      else this.#sender.growWindow(increment);
      return;
    }
    const stream = core.streams.get(streamId);
    if (stream === null) {
      if (core.streams.isIdle(streamId)) core.fail(H2Code.protocolError, "WINDOW_UPDATE on an idle stream");
    } else if (increment === 0) {
      core.failStream(stream, H2Code.protocolError, "WINDOW_UPDATE by 0");
    } else {
      this.#sender.growStreamWindow(stream, increment);
    }
  }

  #takeSettings(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    if (header.has(Flag.ack) && this.liveness.settingsAcknowledged()) return;
    const values = (end - start) / SETTING_BYTES;
    if (!core.charge("settings", 1 + Math.floor(values / SETTINGS_PER_COST)) || header.has(Flag.ack)) return;
    const windowBytes = core.peer.initialWindowBytes;
    for (let at = start; at < end && core.open; at += SETTING_BYTES)
      this.#applySetting(readSettingId(bytes, at), readSettingValue(bytes, at));
    // Once for a frame: it costs a step for each stream, and a frame may name thousands of values.
    const difference = core.peer.initialWindowBytes - windowBytes;
    if (core.open && difference !== 0) this.#sender.shiftWindows(difference);
    if (!core.open) return;
    core.writer.settingsAck();
    core.answered();
    if (core.open) core.owner.onSettings();
  }

  #applySetting(id: number, value: number): void {
    const core = this.#core;
    const { peer } = core;
    const tableBytes = peer.headerTableBytes;
    if (id === Setting.enablePush && value !== 0 && !core.isServer)
      return core.fail(H2Code.protocolError, "ENABLE_PUSH of a server");
    const code = peer.set(id, value);
    if (code !== H2Code.noError) core.fail(code, peer.errorText);
    else if (peer.headerTableBytes !== tableBytes) this.#heads.setPeerTableBytes(peer.headerTableBytes);
  }

  #takePing(header: FrameHeader, bytes: Buffer, start: number): void {
    const core = this.#core;
    if (header.has(Flag.ack) && this.liveness.pingAcknowledged(readPingNumber(bytes, start))) return;
    if (!core.charge("ping") || header.has(Flag.ack)) return;
    core.writer.pingAck(bytes, start);
    core.answered();
  }

  #takeRstStream(streamId: number, code: number): void {
    const core = this.#core;
    const stream = core.streams.get(streamId);
    if (stream !== null) core.resetByPeer(stream, code);
    else if (core.streams.isIdle(streamId)) core.fail(H2Code.protocolError, "RST_STREAM on an idle stream");
    else core.charge("closed_streams");
  }

  /** A client gives up nothing by it: we open no streams to one. */
  #takeGoAway(bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const code = readGoAwayCode(bytes, start);
    const lastId = readGoAwayLastId(bytes, start);
    if (!core.charge("settings")) return;
    if (!core.isServer) {
      core.goAwayId = Math.min(core.goAwayId, lastId);
      for (const stream of core.streams.all())
        if (stream.id > core.goAwayId && core.streams.get(stream.id) === stream)
          core.unprocessed(stream, code);
    }
    if (core.open) core.owner.onGoAway(code, lastId, readGoAwayText(bytes, start, end));
  }

  #takePriority(header: FrameHeader, bytes: Buffer, start: number): void {
    const core = this.#core;
    if (!core.charge("priority")) return;
    if (header.length !== PRIORITY_FRAME_BYTES)
      this.#failPriority(header.streamId, H2Code.frameSizeError, "PRIORITY of the wrong length");
    else if (readDependency(bytes, start) === header.streamId)
      this.#failPriority(header.streamId, H2Code.protocolError, "a stream that depends on itself");
  }

  /** A stream error; of a stream that does not exist, only the connection can have one. */
  #failPriority(streamId: number, code: H2Code, text: string): void {
    const core = this.#core;
    const stream = core.streams.get(streamId);
    if (stream === null) core.fail(code, text);
    else core.failStream(stream, code, text);
  }

  /** It is a client's to send, and names a stream of the client's. */
  #takePriorityUpdate(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const streamId = readPrioritizedId(bytes, start);
    if (!core.isServer || streamId % 2 === 0) return core.fail(H2Code.protocolError, "PRIORITY_UPDATE");
    if (!core.charge("priority")) return;
    if (header.length > PRIORITY_UPDATE_BYTES + MAX_PRIORITY_VALUE_BYTES) return;
    const priority = this.#priority;
    priority.read(bytes, start + PRIORITY_UPDATE_BYTES, end);
    const stream = core.streams.get(streamId);
    if (stream !== null) core.ready.setPriority(stream, priority.urgency, !priority.incremental);
    else if (core.streams.isIdle(streamId)) this.#keepPriority(streamId, priority);
  }

  /** Of a stream that is not open yet. Those and the open ones together are at most as many as may be open. */
  #keepPriority(streamId: number, priority: PriorityField): void {
    const core = this.#core;
    const early = (core.earlyPriorities ??= new EarlyPriorities());
    early.keep(streamId, priority);
    if (early.count + core.streams.size > core.limits.maxConcurrentStreams)
      core.fail(H2Code.protocolError, "PRIORITY_UPDATE for more streams than may be open");
  }
}
