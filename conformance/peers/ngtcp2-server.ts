/** `gtlsserver` of ngtcp2 as a backend over HTTP/3: it serves a folder, makes up as many octets as a path names, and ends each answer with trailers. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, HOST } from "../../test/support/addresses.ts";
import { certificateFolder, type CertificatePaths } from "../../test/support/certificates-files.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import { childFor, udpPortTaken } from "./child.ts";

export const GTLSSERVER = "gtlsserver";

/** With these files in its folder; returns its address. */
export async function startGtlsserver(
  scope: CleanupScope,
  certificate: CertificatePaths,
  files: Readonly<Record<string, Buffer>>,
): Promise<string> {
  const folder = join(certificateFolder(scope), "root");
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const port = await freePort();
  const { certPath, keyPath } = certificate;
  const args = ["--quiet", "--send-trailers", `--htdocs=${folder}`, HOST, String(port), keyPath, certPath];
  const child = childFor(scope, GTLSSERVER, args);
  await waitFor("gtlsserver to listen", () => udpPortTaken(port), { context: () => child.said });
  return `${HOST}:${port}`;
}
