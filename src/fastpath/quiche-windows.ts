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
 * together. A stream that is read fast may come to hold more, up to its own window. Where the shares would be
 * too small, the connection's window stays what quiche makes of it; a relay of raw QUIC, which has few octets
 * and stops reading all streams at once anyhow, is such a case.
 */
import type { Config } from "@matrixai/quic/native/types.js";
import type { QuicTransportSettings } from "./quic-engine.ts";

/** What quiche gives to a stream that is read slowly. */
const MIN_SHARE_BYTES = 32 * 1024;

/** Requests of ours that are under way at one time: what most servers allow, the rest of their windows comes with use. */
const OWN_STREAMS = 128;

/** As much as no connection ever receives: 2^53 - 1 and, where datagrams take the room of the longer form, 2^30 - 1. */
const ENDLESS_BYTES: number = Number.MAX_SAFE_INTEGER;
const ENDLESS_BESIDE_DATAGRAMS_BYTES: number = 2 ** 30 - 1;

/** The settings must have been checked. */
export function applyWindows(config: Config, settings: QuicTransportSettings): void {
  const { connectionWindowBytes, streamWindowBytes, maxQueuedDatagrams } = settings;
  const share = shareBytes(settings);
  const shared = share >= MIN_SHARE_BYTES;
  const endless = maxQueuedDatagrams === 0 ? ENDLESS_BYTES : ENDLESS_BESIDE_DATAGRAMS_BYTES;
  const initial = shared ? Math.min(share, streamWindowBytes) : streamWindowBytes;
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
