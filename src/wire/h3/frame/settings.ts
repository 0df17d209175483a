/** The SETTINGS frame, RFC 9114 section 7.2.4: pairs of integers. */
import { MAX_VARINT_BYTES, varintSize, writeVarint } from "../../quic/varint.ts";
import { writeFrameHeader } from "./frame-header.ts";
import { FrameType } from "./frame-type.ts";

/** RFC 9114 section 7.2.4.1, RFC 9204 section 5, RFC 9220 section 5, RFC 9297 section 2.1.1. */
export const Setting = {
  qpackMaxTableCapacity: 0x1,
  maxFieldSectionSize: 0x6,
  qpackBlockedStreams: 0x7,
  enableConnectProtocol: 0x8,
  h3Datagram: 0x33,
} as const;

/** Those of HTTP/2 that have no meaning here, and are not to be sent (RFC 9114 section 7.2.4.1). */
export function isHttp2Setting(id: number): boolean {
  return id === 0x0 || (id >= 0x2 && id <= 0x5);
}

/**
 * The n-th identifier that is reserved to be ignored (RFC 9114 section 7.2.4.1): a peer that does not ignore
 * what it does not know shows it at once, and not when something new has come up.
 */
export function reservedId(n: number): number {
  return 0x1f * n + 0x21;
}

export type SettingPairs = readonly (readonly [id: number, value: number])[];

export function settingsFrameBound(pairs: SettingPairs): number {
  return pairs.length * 2 * MAX_VARINT_BYTES + 1 + MAX_VARINT_BYTES;
}

/** Writes the frame; returns the offset behind it. */
export function writeSettings(target: Uint8Array, offset: number, pairs: SettingPairs): number {
  let payload = 0;
  for (const [id, value] of pairs) payload += varintSize(id) + varintSize(value);
  let at = writeFrameHeader(target, offset, FrameType.settings, payload);
  for (const [id, value] of pairs) at = writeVarint(target, writeVarint(target, at, id), value);
  return at;
}
