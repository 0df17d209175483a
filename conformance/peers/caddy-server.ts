/**
 * Caddy as a backend over HTTP/3: it serves a folder under `/files/`, answers `/none` with 204, and hands
 * `/echo/` on to a backend of the test's own over HTTP/1.1, for what it has no handler of its own for.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, HOST } from "../../test/support/addresses.ts";
import {
  certificateFolder,
  type CertificatePaths,
  writePrivate,
} from "../../test/support/certificates-files.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import { childFor, udpPortTaken } from "./child.ts";

export const CADDY = "caddy";

/** A cold start on a busy machine. */
const START_TIMEOUT_MS = 15_000;

export interface CaddySpec {
  readonly certificate: CertificatePaths;
  /** By name, under `/files/`. */
  readonly files: Readonly<Record<string, Buffer>>;
  /** Who answers below `/echo/`. */
  readonly echo: string;
}

/** Returns its address. */
export async function startCaddy(scope: CleanupScope, spec: CaddySpec): Promise<string> {
  const folder = certificateFolder(scope);
  const root = join(folder, "root");
  mkdirSync(join(root, "files"), { recursive: true });
  for (const [name, content] of Object.entries(spec.files)) writeFileSync(join(root, "files", name), content);
  const port = await freePort();
  const file = writePrivate(folder, "Caddyfile", configOf(root, port, spec));
  const child = childFor(scope, CADDY, ["run", "--adapter", "caddyfile", "--config", file], folder);
  await waitFor("Caddy to listen", () => udpPortTaken(port), {
    timeoutMs: START_TIMEOUT_MS,
    context: () => child.said,
  });
  return `${HOST}:${port}`;
}

function configOf(root: string, port: number, { certificate, echo }: CaddySpec): string {
  return `{
  admin off
  auto_https off
  default_sni localhost
  servers {
    protocols h1 h2 h3
  }
}
https://:${port} {
  bind ${HOST}
  tls ${certificate.certPath} ${certificate.keyPath}
  root * ${root}
  respond /none 204
  reverse_proxy /echo/* ${echo} {
    flush_interval -1
  }
  file_server /files/*
}
`;
}
