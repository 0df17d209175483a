/**
 * h2spec in its strict mode against a running gateway: over TLS on an `h1s` listener, and by prior
 * knowledge on an `h1` listener. Its newest published release has one case less than its last
 * state: a literal field with an invalid index, which `invalid-index.ts` plays.
 */
import { randomBytes } from "node:crypto";
import { readFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { playInvalidIndex } from "./invalid-index.ts";
import { freePort, HOST } from "../../test/support/addresses.ts";
import { certificateFolder, writeIdentity } from "../../test/support/certificates-files.ts";
import { CertificateAuthority } from "../../test/support/certificates.ts";
import { Gateway, type CleanupScope } from "../../test/support/gateway.ts";
import { h1Listener } from "../../test/support/gateway-config.ts";
import { RecordingBackend } from "../../test/support/recording-backend.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { findTool, runTool } from "../tools.ts";

/** h2spec waits 2 s for what must not come, in a few of its cases. */
const RUN_TIMEOUT_MS = 120_000;

/** Cases that the release has. Fewer would mean that it ended early. */
const CASES = 146;

/** Larger than the windows that cases set, so that there is something to hold back. */
const BODY = randomBytes(32).toString("hex");

export const H2SPEC = "h2spec";

export async function runH2spec(scope: CleanupScope): Promise<CaseResult[]> {
  const backend = await RecordingBackend.start({
    script: (_request, answer) =>
      void answer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`),
  });
  scope.after(() => backend.stop());
  const [plain, secure] = [await freePort(), await freePort()];
  const folder = certificateFolder(scope);
  const identity = new CertificateAuthority().issue({ names: [HOST, "localhost"] });
  const { certPath, keyPath } = writeIdentity(folder, "server", identity);
  const gateway = await Gateway.start(scope, {
    listeners: [
      h1Listener(plain, [backend.address], { name: "h2c" }),
      h1Listener(secure, [backend.address], {
        name: "h2",
        protocol: "h1s",
        tls: { cert_path: certPath, key_path: keyPath },
      }),
    ],
  });
  const results = [
    ...(await runOn("h2c", plain, [])),
    ...(await runOn("h2", secure, ["--tls", "--insecure"])),
  ];
  gateway.assertAlive();
  await gateway.stop();
  return results;
}

async function runOn(name: string, port: number, flags: readonly string[]): Promise<CaseResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "h2spec-"));
  try {
    const report = join(folder, "report.xml");
    const program = findTool(H2SPEC) ?? H2SPEC;
    const fixed = ["--host", HOST, "--port", `${port}`, "--strict", "--junit-report", report];
    const { code, output } = await runTool(program, [...fixed, ...flags], RUN_TIMEOUT_MS);
    if (code === null) return [{ id: name, problem: `h2spec did not end: ${output.slice(-500)}` }];
    const cases = parseReport(await readFile(report, "latin1"));
    const own = await playInvalidIndex(port, flags.length > 0);
    return [
      { id: `${name}/count`, problem: cases.length === CASES ? undefined : `${cases.length} cases` },
      ...[...cases, own].map(({ id, problem }) => ({ id: `${name}/${id}`, problem })),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One result for each `testcase` element: a skipped one has not passed. */
function parseReport(xml: string): CaseResult[] {
  const numbers = new Map<string, number>();
  return xml
    .split("<testcase ")
    .slice(1)
    .map((text) => {
      const section = /package="([^"]*)"/.exec(text)?.[1] ?? "";
      const title = /classname="([^"]*)"/.exec(text)?.[1] ?? "";
      const number = (numbers.get(section) ?? 0) + 1;
      numbers.set(section, number);
      const failed = /<(failure|skipped|error)\b[^]*?(?=<\/testcase>)/.exec(text);
      const problem = failed === null ? undefined : `${title}: ${plain(failed[0])}`;
      return { id: `${section}/${number}`, problem };
    });
}

function plain(xml: string): string {
  return xml
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll("&#xA;", " ")
    .replaceAll(/\s+/g, " ")
    .slice(0, 300);
}
