/**
 * Flow control (RFC 9000 section 4) as quiche 0.18 does it, and what is made of the two windows of the
 * settings. `quiche-transport.ts` calls it.
 *
 * The initial limits of quiche are an allowance for the beginning. Once that is used up, a stream has 32 KiB
 * and the connection 48 KiB ahead of what was read; each is doubled, up to the most that is configured, when
 * it is extended twice within two round trips. On a short path that never happens, and then a single stream that
 * nobody reads, with 24 KiB in it, stops all the others for good: the connection's window is extended when
 * less than half of it is free, and the unread octets, which fill it, do not come. Besides, what a reset or
 * stopped stream had received and nobody had read stays taken from the connection's window.
 *
 * So the connection's allowance is made so large that it is never used up, and each stream begins with its
 * share of the connection's window instead: streams that are not read hold no more than that window
 * together. A stream that is read fast may come to hold more, up to its own window.
 *
 * Where the shares would be too small, the connection's window stays what quiche makes of it; a relay of raw
 * QUIC is such a case. It lives with what is said above: its streams begin with little, and it begins a new
 * connection when too much of the window is lost.
 */
import type { Config } from "@matrixai/quic/native/types.js";
import { assert } from "../base/assert.ts";
import type { QuicTransportSettings } from "./quic-engine.ts";
import type { LostWindowLimits } from "./quiche-lost-window.ts";

/** What quiche gives to a stream that is read slowly. */
const MIN_SHARE_BYTES = 32 * 1024;

/** What quiche gives to a connection that is read slowly: this, or half as much again as the initial limit. */
const SLOW_CONNECTION_BYTES = 48 * 1024;

/** Requests of ours that are under way at one time: what most servers allow, the rest of their windows comes with use. */
const OWN_STREAMS = 128;

/** As much as no connection ever receives: 2^53 - 1 and, where datagrams take the room of the longer form, 2^30 - 1. */
const ENDLESS_BYTES: number = Number.MAX_SAFE_INTEGER;
const ENDLESS_BESIDE_DATAGRAMS_BYTES: number = 2 ** 30 - 1;

/** The settings must have been checked. */
export function applyWindows(config: Config, settings: QuicTransportSettings): void {
  const { connectionWindowBytes, streamWindowBytes, maxQueuedDatagrams } = settings;
  const shared = isShared(settings);
  const endless = maxQueuedDatagrams === 0 ? ENDLESS_BYTES : ENDLESS_BESIDE_DATAGRAMS_BYTES;
  const initial = streamStartBytes(settings);
  config.setInitialMaxData(shared ? endless : connectionWindowBytes);
  config.setMaxConnectionWindow(connectionWindowBytes);
  config.setInitialMaxStreamDataBidiLocal(initial);
  config.setInitialMaxStreamDataBidiRemote(initial);
  config.setInitialMaxStreamDataUni(initial);
  config.setMaxStreamWindow(streamWindowBytes);
}

/** What each stream would have of the connection's window if all that may be open were. */
export function shareBytes(settings: QuicTransportSettings): number {
  const { maxBidirectionalStreams, maxUnidirectionalStreams, connectionWindowBytes } = settings;
  // Who lets the peer open none opens streams of its own.
  const bidirectional = maxBidirectionalStreams === 0 ? OWN_STREAMS : maxBidirectionalStreams;
  return Math.floor(connectionWindowBytes / (bidirectional + maxUnidirectionalStreams));
}

/** What is lost of a connection's window when streams are reset, and how much of it may be. */
export function lostWindowLimits(settings: QuicTransportSettings): LostWindowLimits {
  return {
    streamStartBytes: streamStartBytes(settings),
    streamWindowBytes: settings.streamWindowBytes,
    lossLimitBytes: lossLimitBytes(settings),
  };
}

/**
 * With half of the window lost, it is extended no more. A quarter of that is left for what is not counted, and for
 * streams that are to come to their ends.
 */
function lossLimitBytes(settings: QuicTransportSettings): number {
  if (isShared(settings)) return Infinity;
  const window = Math.min(Math.floor(settings.connectionWindowBytes / 2) * 3, SLOW_CONNECTION_BYTES);
  return Math.floor((window * 3) / 8);
}

function streamStartBytes(settings: QuicTransportSettings): number {
  const { streamWindowBytes, streamStartBytes: start = streamWindowBytes } = settings;
  assert(Number.isSafeInteger(start) && start >= 0, "a stream begins with a number of octets");
  const most = Math.min(start, streamWindowBytes);
  return isShared(settings) ? Math.min(shareBytes(settings), most) : most;
}

function isShared(settings: QuicTransportSettings): boolean {
  return shareBytes(settings) >= MIN_SHARE_BYTES;
}
