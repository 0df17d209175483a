/**
 * Reads every file that a configuration names for TLS, all at one moment, and checks them: at `check`,
 * start and reload, and when certificates are rotated. All or nothing: one file that cannot be used
 * leaves none. Feature row A3.6.
 */
import type { GatewayConfig } from "../config/gateway-config.ts";
import { CertificateStore, type LoadedCertificate } from "./certificate-store.ts";
import { checkIdentity } from "./check-identity.ts";
import { checkSecret } from "./check-secret.ts";
import { checkAuthorities, checkRevocations } from "./check-trust.ts";
import { type FileReader, systemFiles, takeSnapshot } from "./file-snapshot.ts";
import { CertificateError, type Finding } from "./finding.ts";
import { type CertificateFile, Inspection, shown } from "./inspection.ts";
import { type FilePlace, filePlaces, type IdentityPlace, pathsOf } from "./named-files.ts";
import type { SubjectNames } from "./subject-names.ts";

export interface CertificateSources {
  readonly files: FileReader;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export interface Inspected {
  readonly store: CertificateStore;
  readonly findings: readonly Finding[];
}

/** Throws `CertificateError`. Warnings are in `findings`. */
export function loadCertificates(config: GatewayConfig, sources?: Partial<CertificateSources>): Inspected {
  const inspected = inspectCertificates(config, sources);
  const errors = inspected.findings.filter(({ failure }) => failure !== null);
  if (errors.length > 0) throw new CertificateError(errors);
  return inspected;
}

/** Everything that is to be said about the files. Their contents are to be used only when no finding is an error. */
export function inspectCertificates(
  config: GatewayConfig,
  { files = systemFiles, nowMs = Date.now() }: Partial<CertificateSources> = {},
): Inspected {
  const places = filePlaces(config);
  const snapshot = takeSnapshot(places.flatMap(pathsOf), files);
  const inspection = new Inspection(snapshot, files, nowMs);
  const names = new Map<string, readonly string[]>();
  const loaded: LoadedCertificate[] = [];
  const shownNames = new Map<string, Set<string>>();
  for (const place of places) {
    const file = checkPlace(inspection, place);
    if (file === null || place.kind !== "identity") continue;
    names.set(place.cert.path, file.names.dns);
    loaded.push(describe(place, file));
    if (place.listener !== "") warnWhenHidden(inspection, place, file, shownNames);
  }
  return { store: new CertificateStore(snapshot, names, loaded), findings: inspection.findings };
}

function checkPlace(inspection: Inspection, place: FilePlace): CertificateFile | null {
  switch (place.kind) {
    case "identity":
      return checkIdentity(inspection, place);
    case "authorities":
      checkAuthorities(inspection, place);
      return null;
    case "revocations":
      checkRevocations(inspection, place);
      return null;
    case "secret":
      checkSecret(inspection, place);
      return null;
  }
}

function describe({ listener, cert }: IdentityPlace, file: CertificateFile): LoadedCertificate {
  const { certificates, names } = file;
  return {
    listener,
    path: cert.path,
    names: [...names.dns, ...names.addresses],
    // The chain is worth no more than the first of it to expire.
    notAfterMs: Math.min(...certificates.map(({ validToDate }) => validToDate.getTime())),
    fingerprint: certificates[0]?.fingerprint256 ?? "",
  };
}

/** A certificate is never shown when those before it have all of its names; the default one always is. */
function warnWhenHidden(
  inspection: Inspection,
  { listener, cert }: IdentityPlace,
  { names }: CertificateFile,
  shownNames: Map<string, Set<string>>,
): void {
  const before = shownNames.get(listener);
  const isNameless = names.dns.length === 0;
  if (before !== undefined && names.dns.every((name) => before.has(name)) && !isAnonymous(names)) {
    const hint = isNameless ? "it has no DNS name" : "certificates before it have all of its names";
    inspection.warn(cert, `the certificate in ${shown(cert)} is never shown`, hint);
  }
  shownNames.set(listener, new Set([...(before ?? []), ...names.dns]));
}

/** It has been told already that nobody can accept it. */
function isAnonymous({ dns, addresses }: SubjectNames): boolean {
  return dns.length === 0 && addresses.length === 0;
}
