/** What we announce in SETTINGS (RFC 9114 section 7.2.4). Sent once, as the first frame of the control stream. */
import { reservedId, type SettingPairs, Setting } from "./frame/settings.ts";
import type { H3Limits } from "./h3-limits.ts";

/** So many identifiers are sent, each on other connections, for peers to ignore. */
const RESERVED_IDS = 1000;

/** `nowMs`: when the connection begins, which decides about the reserved setting. */
export function localSettings(isServer: boolean, limits: H3Limits, nowMs: number): SettingPairs {
  const pairs: [id: number, value: number][] = [
    [Setting.qpackMaxTableCapacity, limits.qpackTableBytes],
    [Setting.maxFieldSectionSize, limits.maxFieldSectionBytes],
    [Setting.qpackBlockedStreams, limits.qpackBlockedStreams],
  ];
  if (isServer && limits.connectProtocol) pairs.push([Setting.enableConnectProtocol, 1]);
  if (limits.datagrams) pairs.push([Setting.h3Datagram, 1]);
  pairs.push([reservedId(Math.floor(nowMs) % RESERVED_IDS), 0]);
  return pairs;
}
