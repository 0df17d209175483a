/**
 * Transport settings, checked and put into a quiche configuration. quiche aborts the process for numbers
 * that no variable-length integer can hold, and believes everything else. It has 128 octets for all
 * transport parameters of a connection (RFC 9000 section 18), and lets a handshake fail without a word when they
 * do not fit, so each number is held to the octets that are its own.
 */
import type { Config } from "@matrixai/quic/native/types.js";
import type { QuicTransportSettings } from "./quic-engine.ts";
import { applyWindows } from "./quiche-windows.ts";

/** The least that every path must carry (RFC 9000 section 14). */
const MIN_PAYLOAD_BYTES = 1200;
/** RFC 9000 section 18.2: the default, and the most that UDP can carry. */
const MAX_PAYLOAD_BYTES = 65_527;
/** The largest variable-length integers of four and of two octets. */
const MAX_FOUR_OCTETS = 2 ** 30 - 1;
const MAX_TWO_OCTETS = 2 ** 14 - 1;
/** Each may hold a datagram of 64 KiB: this is far more than anyone wants queued. */
const MAX_QUEUED_DATAGRAMS = 65_536;

/**
 * Octets of a server's own connection ID. With a client's first one of 20, a Retry, datagrams, and every
 * number at its largest, the transport parameters of a server take 127 octets.
 */
export const MAX_SERVER_ID_BYTES = 12;

/** Connection IDs of the peer's that are kept: the least (RFC 9000 section 18.2). */
const CONNECTION_IDS = 2;

type NumericSetting = {
  [Key in keyof QuicTransportSettings]-?: QuicTransportSettings[Key] extends number ? Key : never;
}[keyof QuicTransportSettings];

const RANGES: Readonly<Record<NumericSetting, readonly [min: number, max: number]>> = {
  maxIdleTimeoutMs: [0, MAX_FOUR_OCTETS],
  maxReceivePayloadBytes: [MIN_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES],
  maxSendPayloadBytes: [MIN_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES],
  connectionWindowBytes: [0, MAX_FOUR_OCTETS],
  streamWindowBytes: [0, MAX_FOUR_OCTETS],
  maxBidirectionalStreams: [0, MAX_TWO_OCTETS],
  maxUnidirectionalStreams: [0, MAX_TWO_OCTETS],
  maxQueuedDatagrams: [0, MAX_QUEUED_DATAGRAMS],
};

const CONGESTION_CONTROLS: ReadonlySet<string> = new Set(["reno", "cubic", "bbr"]);

/** Throws an `Error` in words. */
export function checkTransport(settings: QuicTransportSettings): void {
  for (const [name, [min, max]] of Object.entries(RANGES) as [NumericSetting, readonly [number, number]][]) {
    const value = settings[name];
    if (!Number.isSafeInteger(value) || value < min || value > max)
      throw new Error(`${name} must be a whole number from ${min} to ${max}, not ${value}`);
  }
  if (!CONGESTION_CONTROLS.has(settings.congestionControl))
    throw new Error(`there is no congestion control "${settings.congestionControl}"`);
}

/** The settings must have been checked. */
export function applyTransport(config: Config, settings: QuicTransportSettings): void {
  config.setMaxIdleTimeout(settings.maxIdleTimeoutMs);
  config.setMaxRecvUdpPayloadSize(settings.maxReceivePayloadBytes);
  config.setMaxSendUdpPayloadSize(settings.maxSendPayloadBytes);
  applyWindows(config, settings);
  config.setInitialMaxStreamsBidi(settings.maxBidirectionalStreams);
  config.setInitialMaxStreamsUni(settings.maxUnidirectionalStreams);
  config.setDisableActiveMigration(settings.disableActiveMigration);
  config.setActiveConnectionIdLimit(CONNECTION_IDS);
  config.setCcAlgorithmName(settings.congestionControl);
  // The binding cannot tell when a paced packet is due.
  config.enablePacing(false);
  const queued = settings.maxQueuedDatagrams;
  if (queued > 0) config.enableDgram(true, queued, queued);
}
