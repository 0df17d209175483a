/** Where certificates of tests are written for a gateway to read: a folder of their own that goes with the test, files that only their owner can read. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestIdentity } from "./certificates.ts";

export interface CertificatePaths {
  readonly certPath: string;
  readonly keyPath: string;
}

/** Removed when the scope ends: a `TestContext`, or what `suiteScope` gives. */
export function certificateFolder(scope: { after(cleanup: () => Promise<void>): void }): string {
  const folder = mkdtempSync(join(tmpdir(), "certificates-"));
  scope.after(() => Promise.resolve(rmSync(folder, { recursive: true, force: true })));
  return folder;
}

/** `NAME.crt` and `NAME.key`; what was there is replaced. */
export function writeIdentity(folder: string, name: string, identity: TestIdentity): CertificatePaths {
  return {
    certPath: writePrivate(folder, `${name}.crt`, identity.certPem),
    keyPath: writePrivate(folder, `${name}.key`, identity.keyPem),
  };
}

/** A file with mode 0600; returns its path. */
export function writePrivate(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}
