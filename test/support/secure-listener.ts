/** Listeners with TLS or QUIC for tests end to end: an authority of the test's own, its certificate in files of the test's own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { h1Listener } from "./gateway-config.ts";
import type { CleanupScope } from "./gateway.ts";
import { CertificateAuthority, type IssueOptions, type TestIdentity } from "./certificates.ts";
import { certificateFolder, type CertificatePaths, writeIdentity } from "./certificates-files.ts";

type Block = Readonly<Record<string, unknown>>;

export class SecureSite {
  readonly authority = new CertificateAuthority();
  readonly folder: string;
  readonly paths: CertificatePaths;
  identity: TestIdentity;

  constructor(scope: CleanupScope, options: IssueOptions = { names: ["localhost", "app.example"] }) {
    this.folder = certificateFolder(scope);
    this.identity = this.authority.issue(options);
    this.paths = writeIdentity(this.folder, "server", this.identity);
  }

  /** Puts another certificate into the files. */
  renew(options: IssueOptions = { names: ["localhost", "app.example"] }): TestIdentity {
    this.identity = this.authority.issue(options);
    writeIdentity(this.folder, "server", this.identity);
    return this.identity;
  }

  /** Keys of the block `[listeners.tls]`. */
  tls(more: Block = {}): Block {
    return { cert_path: this.paths.certPath, key_path: this.paths.keyPath, ...more };
  }

  /** An `h1s` listener, or of another protocol if `more` says so. */
  listener(port: number, backends: readonly (string | Block)[], more: Block = {}): Block {
    return h1Listener(port, backends, { protocol: "h1s", tls: this.tls(), ...more });
  }

  /** Keys of the block `[listeners.quic]`. */
  quic(more: Block = {}): Block {
    return this.tls({ retry_secret_path: join(this.folder, "retry.secret"), ...more });
  }

  /** A `quic` listener; keys of its block `[listeners.quic]`, and others. */
  quicListener(
    port: number,
    backends: readonly (string | Block)[],
    quic: Block = {},
    more: Block = {},
  ): Block {
    return h1Listener(port, backends, { name: "h3", protocol: "quic", quic: this.quic(quic), ...more });
  }

  /** A file with the authority's certificate, for who is to trust it. */
  caFile(): string {
    const path = join(this.folder, "ca.pem");
    writeFileSync(path, this.authority.rootPem);
    return path;
  }
}
