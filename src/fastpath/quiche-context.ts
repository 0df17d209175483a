/**
 * Settings made into contexts: a quiche configuration, checked, and what is needed besides when a
 * connection is made of it. `quiche-engine.ts` makes them.
 */
import { rootCertificates } from "node:tls";
import type { Quiche } from "@matrixai/quic/native/quiche.js";
import type { Config } from "@matrixai/quic/native/types.js";
import { authorities, checkKeyLog, reasonOf } from "./net-tls-settings.ts";
import type {
  QuicClientContext,
  QuicClientSettings,
  QuicServerContext,
  QuicServerSettings,
  QuicTransportSettings,
} from "./quic-engine.ts";
import { checkIdentity } from "./quiche-identity.ts";
import { QuicheSessions } from "./quiche-sessions.ts";
import { applyTransport, checkTransport } from "./quiche-transport.ts";
import { type QuicheTrust, trustOf } from "./quiche-trust.ts";

/** One key that encrypts, one that signs, and a name: what BoringSSL takes. */
const TICKET_KEY_BYTES = 48;

/** RFC 7301 section 3.1. */
const MAX_ALPN_BYTES = 255;

/** What connections of both roles need to know. */
export interface QuicheRules {
  /** What the peer may open and send. */
  readonly peer: QuicTransportSettings;
  readonly earlyData: boolean;
  /** The name that the peer's certificate must be for, where quiche does not check it; empty: none. */
  readonly checkedName: string;
  readonly keyLogPath: string;
}

export interface QuicheServerContext extends QuicServerContext {
  readonly config: Config;
  readonly rules: QuicheRules;
}

export interface QuicheClientContext extends QuicClientContext {
  readonly config: Config;
  readonly rules: QuicheRules;
  readonly trust: QuicheTrust;
  /** `null`: none is remembered. */
  readonly sessions: QuicheSessions | null;
}

/** Throws an `Error` in words. */
export function serverContext(quiche: Quiche, settings: QuicServerSettings): QuicheServerContext {
  checkCommon(settings.transport, settings.alpn, settings.keyLogPath);
  const { ticketKey } = settings;
  if (ticketKey !== null && ticketKey.length !== TICKET_KEY_BYTES)
    throw new Error(`a ticket key of QUIC has ${TICKET_KEY_BYTES} octets, not ${ticketKey.length}`);
  const { chain, key } = checkIdentity(settings.identity);
  const config = inWords("certificate and key", () =>
    quiche.Config.withBoringSslCtx(false, false, null, [key], [chain], null),
  );
  applyCommon(config, settings);
  if (ticketKey !== null) config.setTicketKey(ticketKey);
  if (settings.earlyData) config.enableEarlyData();
  const rules = rulesOf(settings, settings.earlyData, "");
  return { role: "server", config, rules };
}

/** Throws an `Error` in words. */
export function clientContext(quiche: Quiche, settings: QuicClientSettings): QuicheClientContext {
  checkCommon(settings.transport, settings.alpn, settings.keyLogPath);
  const trust = trustOf(settings);
  const ca = settings.verifyPeer ? trusted(settings.caPem) : null;
  const config = inWords("authorities", () =>
    quiche.Config.withBoringSslCtx(settings.verifyPeer, false, ca, null, null, null),
  );
  applyCommon(config, settings);
  const rules = rulesOf(settings, false, trust.checkedName);
  const sessions = settings.resume === false ? null : new QuicheSessions();
  return { role: "client", config, rules, trust, sessions };
}

/** quiche without authorities would trust nobody. */
function trusted(caPem: string): Buffer {
  const certificates = caPem === "" ? rootCertificates : authorities("authorities", caPem);
  return Buffer.from(certificates.join("\n"));
}

function checkCommon(transport: QuicTransportSettings, alpn: readonly string[], keyLogPath: string): void {
  checkTransport(transport);
  // BoringSSL lets no handshake pass without (RFC 9001 section 8.1).
  if (alpn.length === 0) throw new Error("QUIC needs an ALPN protocol");
  for (const protocol of alpn) {
    const length = Buffer.byteLength(protocol);
    if (length === 0 || length > MAX_ALPN_BYTES)
      throw new Error(`an ALPN protocol has 1 to ${MAX_ALPN_BYTES} octets, not ${length}`);
  }
  checkKeyLog(keyLogPath);
}

function applyCommon(config: Config, settings: QuicServerSettings | QuicClientSettings): void {
  applyTransport(config, settings.transport);
  config.setApplicationProtos([...settings.alpn]);
  if (settings.keyLogPath !== "") config.logKeys();
}

function rulesOf(
  { transport, keyLogPath }: QuicServerSettings | QuicClientSettings,
  earlyData: boolean,
  checkedName: string,
): QuicheRules {
  return { peer: transport, earlyData, checkedName, keyLogPath };
}

function inWords<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new Error(`the QUIC engine does not take the ${what}: ${reasonOf(error)}`, { cause: error });
  }
}
