/**
 * An example config where a test can boot it: free ports, certificates of our own, and one backend of each kind
 * in the place of all of its own. What is reached over QUIC is a listener that is added to the gateway
 * itself, so that the relays and the HTTP/3 of both sides are in it.
 */
import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { parse, stringify } from "smol-toml";
import { freePort, HOST } from "./addresses.ts";
import type { CertificateAuthority } from "./certificates.ts";
import { certificateFolder, writeIdentity, writePrivate } from "./certificates-files.ts";
import { exampleCertificates } from "./example-certificates.ts";
import { transportKeys } from "./transport.ts";

type Table = Record<string, unknown>;

/** A listener of an example under test. */
export interface RelocatedListener {
  readonly port: number;
  /** `tls` wants a certificate of the client's, too. */
  readonly carrier: "plain" | "tls" | "quic";
}

export interface RelocatedExample {
  readonly toml: string;
  readonly listeners: readonly RelocatedListener[];
  /** For clients of listeners with TLS or QUIC. */
  readonly authority: CertificateAuthority;
}

/** Where backends of each kind are. */
export interface ExampleBackends {
  readonly http1: string;
  readonly http2: string;
  readonly adminPort: number;
}

/** The name of the backends that examples reach over QUIC. */
const ORIGIN_NAME = "backend.internal";

export async function relocatedExample(
  t: TestContext,
  file: string,
  backends: ExampleBackends,
): Promise<RelocatedExample> {
  const config = parse(readFileSync(file, "utf8")) as Table;
  const folder = certificateFolder(t);
  const certificates = exampleCertificates((name, content) => writePrivate(folder, name, content));
  certificates.replaceIn(config);
  const origin = `${HOST}:${await freePort()}`;
  const ports = new Map<unknown, number>();
  const own = (config["listeners"] ?? []) as Table[];
  const listeners: RelocatedListener[] = [];
  for (const listener of own) {
    // One port of TCP and UDP stays one.
    const port = ports.get(listener["address"]) ?? (await freePort());
    ports.set(listener["address"], port);
    listeners.push({ port, carrier: carrierOf(listener) });
    listener["address"] = `${HOST}:${port}`;
    moveBackends(listener, backends, origin);
    moveRelay(listener["quic"], origin);
  }
  for (const service of Object.values((config["services"] ?? {}) as Record<string, Table>))
    moveBackends(service, backends, origin);
  if (listeners.some(({ carrier }) => carrier === "quic"))
    own.push(originListener(origin, folder, certificates.authority, backends.http1));
  config["observability"] = { metrics_bind: `${HOST}:${backends.adminPort}` };
  config["runtime"] = {
    ...transportKeys(),
    ...(config["runtime"] as Table | undefined),
    workers: 1,
    readiness_settle_ms: 0,
    drain_timeout_ms: 1000,
    drain_jitter_ms: 0,
  };
  delete config["admin"];
  return { toml: stringify(config), listeners, authority: certificates.authority };
}

function carrierOf(listener: Table): RelocatedListener["carrier"] {
  if (listener["quic"] !== undefined) return "quic";
  return listener["tls"] === undefined ? "plain" : "tls";
}

/** Backends keep their protocol; those that would be reached by TLS over TCP are not. */
function moveBackends(holder: Table, { http1, http2 }: ExampleBackends, origin: string): void {
  for (const backend of (holder["backends"] ?? []) as Table[]) {
    if (backend["protocol"] === "h3") {
      backend["address"] = origin;
      continue;
    }
    const isHttp2 = backend["protocol"] === "h2" || String(backend["url"]).startsWith("h2c:");
    for (const key of Object.keys(backend)) if (key === "url" || key.startsWith("tls")) delete backend[key];
    backend["address"] = isHttp2 ? http2 : http1;
    if (isHttp2) backend["protocol"] = "h2";
  }
}

function moveRelay(quic: unknown, origin: string): void {
  const raw = (quic as Table | undefined)?.["raw_proxy"] as Table | undefined;
  if (raw?.["backend_addr"] !== undefined) raw["backend_addr"] = origin;
  if (raw?.["backends"] !== undefined) raw["backends"] = [origin];
}

/** HTTP/3 under the name that examples verify; its Retry secret is not there yet. */
function originListener(
  address: string,
  folder: string,
  authority: CertificateAuthority,
  backend: string,
): Table {
  const identity = authority.issue({ names: [ORIGIN_NAME] });
  const { certPath, keyPath } = writeIdentity(folder, "origin", identity);
  return {
    name: "origin",
    address,
    protocol: "quic",
    quic: { cert_path: certPath, key_path: keyPath, retry_secret_path: `${folder}/origin.secret` },
    backends: [{ address: backend }],
  };
}
