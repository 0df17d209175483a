/**
 * Chromium as a client: a page, an upload of 300 KB and 50 fetches at once, over HTTP/3 at once, and after a
 * first contact over HTTP/2 whose Alt-Svc (RFC 7838) names it.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, HOST } from "../../test/support/addresses.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { SecureSite } from "../../test/support/secure-listener.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { listenerOf, startGateway } from "../matrix/cells.ts";
import { problemOf } from "../matrix/matrix-case.ts";
import { findTool } from "../tools.ts";
import { BrowserBackend } from "./browser-backend.ts";
import { type Fetched, PARALLEL, type Report, uploadDigest } from "./page.ts";

export const CHROMIUM = "chromium";

/** A cold start of a browser on a busy machine. */
const REPORT_TIMEOUT_MS = 60_000;

/** Browsers take a certificate of an authority that they do not know for QUIC only if it is short-lived. */
const CERTIFICATE_MS = 10 * 86_400_000;

interface Scene {
  readonly backend: BrowserBackend;
  /** Of TCP and of UDP. */
  readonly port: number;
  /** SHA-256 of the certificate's public key, in base64. */
  readonly key: string;
}

export async function runChromium(scope: CleanupScope): Promise<CaseResult[]> {
  const names = ["localhost", HOST];
  const site = new SecureSite(scope, { names, notAfter: new Date(Date.now() + CERTIFICATE_MS) });
  const backend = await BrowserBackend.start(scope);
  const port = await freePort();
  const block = { address: backend.address, protocol: "h1" };
  const gateway = await startGateway(scope, [
    listenerOf(site, { name: "tcp", front: "h2s", port, backend: block }),
    listenerOf(site, { name: "quic", front: "h3", port, backend: block }),
  ]);
  const scene = { backend, port, key: keyHash(site.identity.certPem) };
  const results = [
    { id: "forced", problem: await problemOf("forced", forced(scene), REPORT_TIMEOUT_MS) },
    { id: "alt-svc", problem: await problemOf("alt-svc", bySvc(scene), REPORT_TIMEOUT_MS) },
  ];
  gateway.assertAlive();
  await gateway.stop();
  return results;
}

function keyHash(certPem: string): string {
  const spki = new X509Certificate(certPem).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64");
}

async function forced(scene: Scene): Promise<void> {
  const report = await visit(scene, `${HOST}:${scene.port}`);
  assert.deepEqual([report.page, report.before], ["h3", 0]);
  judge(report);
}

async function bySvc(scene: Scene): Promise<void> {
  // That the port is another one forces nothing, but lets the authority of the host be an unknown one.
  const report = await visit(scene, `${HOST}:1`);
  assert.equal(report.page, "h2");
  judge(report);
}

function judge({ upload, parallel }: Report): void {
  assert.deepEqual(upload, { status: 200, protocol: "h3", text: uploadDigest() });
  const expected = Array.from({ length: PARALLEL }, (_, index): Fetched => ({
    status: 200,
    protocol: "h3",
    text: `/part/${index}`,
  }));
  assert.deepEqual(parallel, expected);
}

/** Opens the page in a browser of its own, and waits for what its script tells. */
async function visit({ backend, port, key }: Scene, forcedOrigin: string): Promise<Report> {
  const profile = mkdtempSync(join(tmpdir(), "chromium-"));
  backend.report = undefined;
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    `--user-data-dir=${profile}`,
    `--origin-to-force-quic-on=${forcedOrigin}`,
    `--ignore-certificate-errors-spki-list=${key}`,
    "--remote-debugging-port=0",
    `https://${HOST}:${port}/page`,
  ];
  const env = { ...process.env, HOME: profile };
  const browser = spawn(findTool(CHROMIUM) ?? CHROMIUM, flags, { stdio: ["ignore", "pipe", "pipe"], env });
  const said = saidBy(browser);
  try {
    const report = await waitFor("the report of the page", () => backend.report, {
      timeoutMs: REPORT_TIMEOUT_MS,
      context: said,
    });
    assert.equal(report.error, undefined);
    return report;
  } finally {
    await end(browser);
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

function saidBy(browser: ChildProcess): () => string {
  let said = "";
  for (const output of [browser.stdout, browser.stderr])
    output?.on("data", (bytes: Buffer) => (said = (said + bytes.toString("latin1")).slice(-2000)));
  return () => said;
}

async function end(browser: ChildProcess): Promise<void> {
  if (browser.exitCode !== null || browser.signalCode !== null) return;
  const over = once(browser, "close");
  browser.kill("SIGTERM");
  const timer = setTimeout(() => browser.kill("SIGKILL"), 5000);
  await over;
  clearTimeout(timer);
}
