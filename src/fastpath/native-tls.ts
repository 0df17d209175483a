/**
 * TLS of a native transport as TypeScript sees it: contexts that the addon made, what a handshake agreed
 * on, and why TLS ended a connection. OpenSSL itself is in `native/tls`.
 */
// The namespace: older versions of Node.js, which are told that they are too old, do not have what is used.
import * as tls from "node:tls";
import type { NativeTlsContext, NativeTransportHandle } from "./native-addon.ts";
import {
  TLS_ERROR_PREFIX,
  type TlsClientContext,
  type TlsClientSettings,
  type TlsInfo,
  type TlsServerContext,
  type TlsServerSettings,
} from "./tls.ts";

export class NativeServerContext implements TlsServerContext {
  readonly role = "server";
  readonly native: NativeTlsContext;

  /** Throws an `Error` that says in words what is wrong with the settings. */
  constructor(handle: NativeTransportHandle, settings: TlsServerSettings) {
    this.native = handle.tlsServer(settings);
  }
}

export class NativeClientContext implements TlsClientContext {
  readonly role = "client";
  readonly native: NativeTlsContext;

  /** Throws an `Error` that says in words what is wrong with the settings. */
  constructor(handle: NativeTransportHandle, settings: TlsClientSettings) {
    const trusted = settings.caPem === "" && settings.verifyPeer;
    // The addon makes one store of one text, however many contexts use it.
    const caPem = trusted ? tls.getCACertificates("default").join("\n") : settings.caPem;
    this.native = handle.tlsClient({ ...settings, caPem });
  }
}

/** Reads what the handshake of a connection agreed on; `null` before its end, and when it speaks no TLS. */
export function readTlsInfo(handle: NativeTransportHandle, id: number): TlsInfo | null {
  return handle.tlsInfo(id) ?? null;
}

/** What `onClose` gets when TLS ended a connection. */
export function tlsError(handle: NativeTransportHandle, id: number): string {
  return TLS_ERROR_PREFIX + handle.tlsReason(id);
}
