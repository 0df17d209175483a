/** SETTINGS, RFC 9113 section 6.5. */
import { frameKind, writeFrameHeader } from "./frame-header.ts";
import { Flag, FRAME_HEADER_BYTES, FrameType } from "./frame-type.ts";
import { readUint16, readUint32, writeUint16, writeUint32 } from "./integers.ts";

/** RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1. */
export const Setting = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
  noRfc7540Priorities: 0x9,
} as const;

/** An identifier of 16 bits and a value of 32. */
export const SETTING_BYTES = 6;

const SETTINGS = frameKind(FrameType.settings, 0);
const SETTINGS_ACK = frameKind(FrameType.settings, Flag.ack);

export function readSettingId(bytes: Uint8Array, start: number): number {
  return readUint16(bytes, start);
}

/** The value of the setting at `start`. */
export function readSettingValue(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start + 2);
}

export type SettingPairs = readonly (readonly [id: number, value: number])[];

export function settingsFrameLength(pairs: SettingPairs): number {
  return FRAME_HEADER_BYTES + pairs.length * SETTING_BYTES;
}

/** Returns the offset behind the frame. */
export function writeSettings(target: Uint8Array, offset: number, pairs: SettingPairs): number {
  let to = writeFrameHeader(target, offset, pairs.length * SETTING_BYTES, SETTINGS, 0);
  for (const [id, value] of pairs) to = writeUint32(target, writeUint16(target, to, id), value);
  return to;
}

/** Returns the offset behind the frame, which is a header alone. */
export function writeSettingsAck(target: Uint8Array, offset: number): number {
  return writeFrameHeader(target, offset, 0, SETTINGS_ACK, 0);
}
