/** What we announce in SETTINGS, and what holds before the peer has acknowledged it (RFC 9113 section 6.5.3). */
import { type SettingPairs, Setting } from "./frame/settings.ts";
import type { H2Limits } from "./h2-limits.ts";

/** Sent once, with the preface; nothing changes later. */
export function localSettings(isServer: boolean, limits: H2Limits): SettingPairs {
  const common: SettingPairs = [
    [Setting.initialWindowSize, limits.streamWindowBytes],
    [Setting.maxHeaderListSize, limits.maxHeaderListBytes],
    // The priorities of RFC 7540 mean nothing to us (RFC 9218 section 2.1).
    [Setting.noRfc7540Priorities, 1],
  ];
  if (!isServer) return [[Setting.enablePush, 0], ...common];
  const server: SettingPairs = [[Setting.maxConcurrentStreams, limits.maxConcurrentStreams], ...common];
  return limits.connectProtocol ? [...server, [Setting.enableConnectProtocol, 1]] : server;
}
