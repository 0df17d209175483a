/**
 * Which files a configuration names for TLS and QUIC, what each is for, and where it is named. The plan, the
 * checks and the watch all ask here, so that none of them can forget a file.
 */
import type {
  BackendConfig,
  GatewayConfig,
  ListenerQuicConfig,
  ListenerTlsConfig,
} from "../config/gateway-config.ts";
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
  /** It is shown over QUIC, whose engine cannot sign with every key. */
  readonly quic: boolean;
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

/** The Retry secret of a listener with QUIC. */
export interface SecretPlace {
  readonly kind: "secret";
  readonly file: PlacedPath;
}

export type FilePlace = IdentityPlace | AuthoritiesPlace | RevocationsPlace | SecretPlace;

/** A certificate of a listener by its paths. */
export interface CertificateEntry {
  readonly certPath: string;
  readonly keyPath: string;
  readonly ocspPath: string | undefined;
  /** Of the table that holds the keys, from `[listeners.tls]` or `[listeners.quic]` on. */
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

/** The same of a listener with QUIC. */
export function quicCertificateEntries(quic: ListenerQuicConfig): CertificateEntry[] {
  const { cert_path, key_path } = quic;
  return [{ cert_path, key_path }, ...quic.certificates].flatMap((pair, index) => {
    const { cert_path: certPath, key_path: keyPath } = pair;
    if (certPath === "" || keyPath === "") return [];
    const at: ConfigPath = index === 0 ? [] : ["certificates", index - 1];
    return [{ certPath, keyPath, ocspPath: undefined, at }];
  });
}

/** In the order of the configuration. */
export function filePlaces(config: GatewayConfig): FilePlace[] {
  const places: FilePlace[] = [];
  for (const [index, listener] of config.listeners.entries()) {
    const path: ConfigPath = ["listeners", index];
    if (listener.tls !== undefined) places.push(...listenerPlaces(listener.name, listener.tls, path));
    if (listener.quic !== undefined) places.push(...quicPlaces(listener.name, listener.quic, path));
    if (listener.quic?.raw_proxy === undefined)
      places.push(...backendPlaces(listener.backends, [...path, "backends"]));
  }
  for (const [name, service] of Object.entries(config.services)) {
    places.push(...backendPlaces(service.backends, ["services", name, "backends"]));
  }
  return places;
}

function listenerPlaces(listener: string, tls: ListenerTlsConfig, path: ConfigPath): FilePlace[] {
  const places: FilePlace[] = certificateEntries(tls).map((entry) =>
    identityPlace(listener, entry, [...path, "tls"]),
  );
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

function quicPlaces(name: string, quic: ListenerQuicConfig, path: ConfigPath): FilePlace[] {
  const inner: ConfigPath = [...path, "quic"];
  const places: FilePlace[] = quicCertificateEntries(quic).map((entry) => identityPlace(name, entry, inner));
  const { retry_secret_path: secret, raw_proxy: raw } = quic;
  if (secret !== "")
    places.push({ kind: "secret", file: { path: secret, at: [...inner, "retry_secret_path"] } });
  if (raw?.backend_ca_path !== undefined) {
    const file = { path: raw.backend_ca_path, at: [...inner, "raw_proxy", "backend_ca_path"] };
    places.push({ kind: "authorities", file });
  }
  return places;
}

function identityPlace(listener: string, entry: CertificateEntry, path: ConfigPath): IdentityPlace {
  const { certPath, keyPath, ocspPath, at } = entry;
  const table: ConfigPath = [...path, ...at];
  return {
    kind: "identity",
    listener,
    quic: path.at(-1) === "quic",
    cert: { path: certPath, at: [...table, "cert_path"] },
    key: { path: keyPath, at: [...table, "key_path"] },
    ocsp: ocspPath === undefined ? null : { path: ocspPath, at: [...table, "ocsp_path"] },
  };
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
        quic: false,
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
    case "secret":
      return [place.file.path];
  }
}

/** The files that are to be watched: those of listeners with `watch`, and by `[runtime.tls]` those of QUIC and of backends. */
export function watchedPaths(config: GatewayConfig): string[] {
  const { watch } = config.runtime.tls;
  const watched = {
    ...config,
    listeners: config.listeners.map((listener) => ({
      ...listener,
      tls: listener.tls?.watch ? listener.tls : undefined,
      quic: watch ? listener.quic : undefined,
      backends: watch ? listener.backends : [],
    })),
    services: watch ? config.services : {},
  };
  return [...new Set(filePlaces(watched).flatMap(pathsOf))];
}
