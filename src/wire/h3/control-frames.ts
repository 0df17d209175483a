/**
 * What comes on the peer's control stream, RFC 9114 section 7.2, RFC 9218 section 7.2: SETTINGS first, then
 * GOAWAY, MAX_PUSH_ID, CANCEL_PUSH and PRIORITY_UPDATE, and what is unknown and passed over. Nobody pushes:
 * we promise nothing to clients, and never allow it to backends.
 */
import { readVarint, readVarintBefore, VARINT_TOO_LARGE, varintLength } from "../quic/varint.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { H3Code } from "./error-code.ts";
import { FrameHeaderReader } from "./frame/frame-header.ts";
import { FramePlace, FrameType, placeOf, StreamKind, streamKindOf } from "./frame/frame-type.ts";
import { MAX_PRIORITY_VALUE_BYTES, MAX_SETTINGS_BYTES } from "./h3-limits.ts";
import { MAX_VARINT_BYTES } from "../quic/varint.ts";
import { SectionBuffer } from "./section-buffer.ts";

export class ControlFrames {
  readonly #core: ConnectionCore;
  readonly #frame: FrameHeaderReader = new FrameHeaderReader();
  /** The payload of the frame that is under way; `null`: it is passed over. */
  #payload: SectionBuffer | null = null;
  /** Of the last GOAWAY, and of the last MAX_PUSH_ID; identifiers may only fall, or only rise. */
  #goAwayId = Infinity;
  #maxPushId = -1;

  constructor(core: ConnectionCore) {
    this.#core = core;
  }

  receive(bytes: Buffer, start: number, end: number): void {
    const frame = this.#frame;
    let pos = start;
    while (pos < end && this.#core.open) {
      if (!frame.inPayload) {
        pos = frame.read(bytes, pos, end);
        if (!frame.inPayload || !this.#begin(frame.type, frame.left)) continue;
      }
      const size = Math.min(frame.left, end - pos);
      this.#payload?.append(bytes, pos, pos + size);
      pos += size;
      frame.left -= size;
      if (frame.left > 0) continue;
      frame.inPayload = false;
      this.#takeWhole();
    }
  }

  /** A frame begins; false: the connection has failed. */
  #begin(type: number, length: number): boolean {
    const core = this.#core;
    const place = placeOf(type);
    const settled = core.peer.known;
    this.#payload = null;
    if (!settled && type !== FrameType.settings)
      core.fail(H3Code.missingSettings, "the first frame is not SETTINGS");
    else if (place === FramePlace.anywhere) core.charge("empty_frames");
    else if (place !== FramePlace.control || !this.#maySend(type, settled))
      core.fail(H3Code.frameUnexpected, `a frame of type ${type} on the control stream`);
    else this.#beginKnown(type, length);
    return core.open;
  }

  /** Whether the peer, in its role, may send the frame now. */
  #maySend(type: number, settled: boolean): boolean {
    if (type === FrameType.settings) return !settled;
    return this.#core.isServer || type === FrameType.goAway || type === FrameType.cancelPush;
  }

  #beginKnown(type: number, length: number): void {
    const core = this.#core;
    if (type === FrameType.settings) {
      if (length > MAX_SETTINGS_BYTES) core.fail(H3Code.excessiveLoad, "SETTINGS over its limit", "settings");
      else this.#payload = new SectionBuffer(length);
    } else if (type === FrameType.priorityUpdate) {
      if (!core.charge("priority") || length > MAX_VARINT_BYTES + MAX_PRIORITY_VALUE_BYTES) return;
      this.#payload = new SectionBuffer(length);
    } else if (type === FrameType.priorityUpdatePush) {
      core.fail(H3Code.idError, "PRIORITY_UPDATE of a push that was not promised");
    } else if (length === 0 || length > MAX_VARINT_BYTES) {
      core.fail(H3Code.frameError, "a frame of the wrong length");
    } else if (core.charge("settings")) {
      this.#payload = new SectionBuffer(length);
    }
  }

  #takeWhole(): void {
    const payload = this.#payload;
    if (payload === null) return;
    this.#payload = null;
    const { type } = this.#frame;
    if (type === FrameType.settings) this.#takeSettings(payload);
    else if (type === FrameType.priorityUpdate) this.#takePriorityUpdate(payload);
    else this.#takeIdFrame(type, payload);
  }

  #takeSettings({ bytes, length }: SectionBuffer): void {
    const core = this.#core;
    const { peer } = core;
    const code = peer.read(bytes, 0, length);
    if (code !== H3Code.noError) return core.fail(code, peer.errorText);
    core.encoder.setPeerSettings(peer.qpackTableBytes, peer.qpackBlockedStreams);
    core.flushInstructions();
    core.owner.onSettings();
  }

  /** GOAWAY, MAX_PUSH_ID, CANCEL_PUSH: one integer, and nothing else. */
  #takeIdFrame(type: number, { bytes, length }: SectionBuffer): void {
    const core = this.#core;
    if (varintLength(bytes[0] as number) !== length)
      return core.fail(H3Code.frameError, "a frame that does not end with its field");
    const read = readVarint(bytes, 0);
    // An identifier that no number holds is above all that are in use.
    const id = read === VARINT_TOO_LARGE ? 2 ** 62 : read;
    if (type === FrameType.goAway) this.#takeGoAway(id);
    else if (type === FrameType.maxPushId) this.#takeMaxPushId(id);
    else core.fail(H3Code.idError, "CANCEL_PUSH of a push that does not exist");
  }

  /** A client gives up nothing by it: we push nothing to one. */
  #takeGoAway(id: number): void {
    const core = this.#core;
    if (!core.isServer && streamKindOf(id) !== StreamKind.request)
      return core.fail(H3Code.idError, "GOAWAY with an identifier that is no request's");
    if (id > this.#goAwayId) return core.fail(H3Code.idError, "GOAWAY with a larger identifier than before");
    this.#goAwayId = id;
    if (!core.isServer) {
      core.goAwayId = id;
      for (const stream of core.allStreams())
        if (stream.id >= id && core.streams.get(stream.id) === stream) core.unprocessed(stream);
    }
    if (core.open) core.owner.onGoAway(id);
  }

  #takeMaxPushId(id: number): void {
    if (id < this.#maxPushId)
      this.#core.fail(H3Code.idError, "MAX_PUSH_ID with a smaller identifier than before");
    this.#maxPushId = id;
  }

  #takePriorityUpdate({ bytes, length }: SectionBuffer): void {
    const core = this.#core;
    const id = readVarintBefore(bytes, 0, length);
    if (id === VARINT_TOO_LARGE) return;
    if (id < 0) return core.fail(H3Code.frameError, "PRIORITY_UPDATE without its identifier");
    if (streamKindOf(id) !== StreamKind.request)
      return core.fail(H3Code.idError, "PRIORITY_UPDATE of what is no request");
    const stream = core.streams.get(id) ?? null;
    if (stream === null && !core.seen.isNew(id)) return;
    const value = bytes.subarray(varintLength(bytes[0] as number), length);
    core.priorities.update(id, stream, value, core.limits.maxConcurrentStreams);
  }
}
