/**
 * Puts certificates in the place of those that an example config names: each key of a table that is a
 * path of TLS or QUIC gets a file of its kind, of one authority. For tests that check or boot examples.
 */
import { RETRY_KEY_BYTES } from "../../src/wire/quic/retry-token.ts";
import { CertificateAuthority, type TestIdentity } from "./certificates.ts";

type Table = Record<string, unknown>;

export interface ExampleCertificates {
  /** That clients of the gateway trust, and that has signed what they show. */
  readonly authority: CertificateAuthority;
  /** Changes `config`: its paths are those that `write` has returned. */
  replaceIn(config: Table): void;
}

/** `write` stores a file under a name and returns its path. */
export function exampleCertificates(
  write: (name: string, content: string | Uint8Array) => string,
): ExampleCertificates {
  const authority = new CertificateAuthority();
  const identities = new Map<string, TestIdentity>();
  /** One identity for the files that differ in their ending only, by the first of them that comes: certificates do. */
  const identityOf = (certPath: string): TestIdentity => {
    const known = identities.get(certPath);
    const name = /([^/]+\.example)\.\w+$/.exec(certPath)?.[1];
    const names = name === undefined ? ["localhost", "127.0.0.1"] : [name, `*.${name}`];
    const made = known ?? authority.issue({ names });
    identities.set(certPath, made);
    return made;
  };
  const contentOf = (key: string, table: Table): string | Uint8Array | undefined => {
    const identity = (): TestIdentity =>
      identityOf(textOf(table["cert_path"] ?? table["tls_client_cert_path"]));
    switch (key) {
      case "cert_path":
      case "tls_client_cert_path":
        return identity().certPem;
      case "key_path":
      case "tls_client_key_path":
        return identity().keyPem;
      case "ocsp_path":
        return authority.ocsp(identity());
      case "client_ca_path":
      case "tls_ca_path":
      case "backend_ca_path":
        return authority.rootPem;
      case "retry_secret_path":
        return new Uint8Array(RETRY_KEY_BYTES).fill(7);
      case "client_crl_path":
        return authority.crl([]);
    }
    return undefined;
  };
  const replaceIn = (table: Table): void => {
    const contents = Object.keys(table).map((key) => [key, contentOf(key, table)] as const);
    for (const [key, content] of contents) {
      if (content !== undefined) table[key] = write(textOf(table[key]).replaceAll("/", "_"), content);
    }
    for (const value of Object.values(table)) {
      if (Array.isArray(value)) value.filter(isTable).forEach(replaceIn);
      else if (isTable(value)) replaceIn(value);
    }
  };
  return { authority, replaceIn };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
