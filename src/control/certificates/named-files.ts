/**
 * Which files a configuration names for TLS, what each is for, and where it is named. The plan, the
 * checks and the watch all ask here, so that none of them can forget a file.
 */
import type { BackendConfig, GatewayConfig, ListenerTlsConfig } from "../config/gateway-config.ts";
import type { ConfigPath } from "../config/issue.ts";

/** A path, and the key of the configuration that holds it. */
export interface PlacedPath {
  readonly path: string;
  readonly at: ConfigPath;
}

/** A certificate with its key: one that a listener shows to clients, or one that we show to a backend. */
export interface IdentityPlace {
  readonly kind: "identity";
  /** Name of the listener; empty for what backends are shown. */
  readonly listener: string;
  readonly cert: PlacedPath;
  readonly key: PlacedPath;
  readonly ocsp: PlacedPath | null;
}

/** Authorities whose signatures count, of clients or of a backend. */
export interface AuthoritiesPlace {
  readonly kind: "authorities";
  readonly file: PlacedPath;
}

export interface RevocationsPlace {
  readonly kind: "revocations";
  readonly file: PlacedPath;
}

export type FilePlace = IdentityPlace | AuthoritiesPlace | RevocationsPlace;

/** A certificate of a listener by its paths. */
export interface CertificateEntry {
  readonly certPath: string;
  readonly keyPath: string;
  readonly ocspPath: string | undefined;
  /** Of the table that holds the keys, from `[listeners.tls]` on. */
  readonly at: ConfigPath;
}

/** The certificates of a listener, the default one first. A pair that is not whole is left out. */
export function certificateEntries(tls: ListenerTlsConfig): CertificateEntry[] {
  const entries: CertificateEntry[] = [];
  if (tls.cert_path !== undefined && tls.key_path !== undefined) {
    entries.push({ certPath: tls.cert_path, keyPath: tls.key_path, ocspPath: tls.ocsp_path, at: [] });
  }
  for (const [index, certificate] of tls.certificates.entries()) {
    const { cert_path: certPath, key_path: keyPath, ocsp_path: ocspPath } = certificate;
    if (certPath === "" || keyPath === "") continue;
    entries.push({ certPath, keyPath, ocspPath, at: ["certificates", index] });
  }
  return entries;
}

/** In the order of the configuration. */
export function filePlaces(config: GatewayConfig): FilePlace[] {
  const places: FilePlace[] = [];
  for (const [index, listener] of config.listeners.entries()) {
    const path: ConfigPath = ["listeners", index];
    if (listener.tls !== undefined) places.push(...listenerPlaces(listener.name, listener.tls, path));
    places.push(...backendPlaces(listener.backends, [...path, "backends"]));
  }
  for (const [name, service] of Object.entries(config.services)) {
    places.push(...backendPlaces(service.backends, ["services", name, "backends"]));
  }
  return places;
}

function listenerPlaces(listener: string, tls: ListenerTlsConfig, path: ConfigPath): FilePlace[] {
  const places: FilePlace[] = [];
  for (const { certPath, keyPath, ocspPath, at } of certificateEntries(tls)) {
    const table: ConfigPath = [...path, "tls", ...at];
    places.push({
      kind: "identity",
      listener,
      cert: { path: certPath, at: [...table, "cert_path"] },
      key: { path: keyPath, at: [...table, "key_path"] },
      ocsp: ocspPath === undefined ? null : { path: ocspPath, at: [...table, "ocsp_path"] },
    });
  }
  if (tls.client_ca_path !== undefined) {
    const file = { path: tls.client_ca_path, at: [...path, "tls", "client_ca_path"] };
    places.push({ kind: "authorities", file });
  }
  if (tls.client_crl_path !== undefined) {
    const file = { path: tls.client_crl_path, at: [...path, "tls", "client_crl_path"] };
    places.push({ kind: "revocations", file });
  }
  return places;
}

function backendPlaces(backends: readonly BackendConfig[], path: ConfigPath): FilePlace[] {
  return backends.flatMap((backend, index) => {
    const places: FilePlace[] = [];
    const { tls_ca_path: ca, tls_client_cert_path: cert, tls_client_key_path: key } = backend;
    const at = (name: string): ConfigPath => [...path, index, name];
    if (ca !== undefined) places.push({ kind: "authorities", file: { path: ca, at: at("tls_ca_path") } });
    if (cert !== undefined && key !== undefined) {
      places.push({
        kind: "identity",
        listener: "",
        cert: { path: cert, at: at("tls_client_cert_path") },
        key: { path: key, at: at("tls_client_key_path") },
        ocsp: null,
      });
    }
    return places;
  });
}

/** All paths of a place. */
export function pathsOf(place: FilePlace): string[] {
  switch (place.kind) {
    case "identity":
      return [place.cert.path, place.key.path, ...(place.ocsp === null ? [] : [place.ocsp.path])];
    case "authorities":
    case "revocations":
      return [place.file.path];
  }
}

/** The files that are to be watched: those of listeners with `watch`, and by `[runtime.tls]` those of backends. */
export function watchedPaths(config: GatewayConfig): string[] {
  const watched = {
    ...config,
    listeners: config.listeners.map((listener) => ({
      ...listener,
      tls: listener.tls?.watch ? listener.tls : undefined,
      backends: config.runtime.tls.watch ? listener.backends : [],
    })),
    services: config.runtime.tls.watch ? config.services : {},
  };
  return [...new Set(filePlaces(watched).flatMap(pathsOf))];
}
