/** The files of one configuration, read and checked: what the plan is built from, and what is told about them. */
import { createHash } from "node:crypto";
import { assert } from "../../base/assert.ts";
import type { FileSnapshot } from "./file-snapshot.ts";

/** A certificate that is in use, for the log and the metrics. */
export interface LoadedCertificate {
  /** Name of the listener that shows it; empty: backends are shown it. */
  readonly listener: string;
  readonly path: string;
  readonly names: readonly string[];
  readonly notAfterMs: number;
  /** SHA-256 of the DER, as `openssl x509 -fingerprint` writes it. */
  readonly fingerprint: string;
}

export class CertificateStore {
  readonly certificates: readonly LoadedCertificate[];
  /** Of all files: two stores with the same one hold the same. */
  readonly digest: string;
  readonly #snapshot: FileSnapshot;
  /** DNS names of the first certificate, by the path of its file. */
  readonly #names: ReadonlyMap<string, readonly string[]>;

  constructor(
    snapshot: FileSnapshot,
    names: ReadonlyMap<string, readonly string[]>,
    certificates: readonly LoadedCertificate[],
  ) {
    this.#snapshot = snapshot;
    this.#names = names;
    this.certificates = certificates;
    this.digest = digestOf(snapshot);
  }

  /** The text of a file; the checks have seen that it can be read. */
  pem(path: string): string {
    return this.#content(path).toString("latin1");
  }

  bytes(path: string): Uint8Array {
    return this.#content(path);
  }

  /** The names that a certificate is shown for. */
  names(path: string): readonly string[] {
    return this.#names.get(path) ?? [];
  }

  #content(path: string): Buffer {
    const content = this.#snapshot.get(path);
    assert(content?.kind === "content", `${path} was not read`);
    return content.bytes;
  }
}

function digestOf(snapshot: FileSnapshot): string {
  const hash = createHash("sha256");
  for (const [path, content] of snapshot) {
    const bytes = content.kind === "content" ? content.bytes : Buffer.alloc(0);
    hash.update(`${JSON.stringify(path)} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}
