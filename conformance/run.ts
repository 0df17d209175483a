/**
 * `npm run conformance -- h1 h2`: runs the suites of each protocol, which ends with a line `N passed, N
 * failed`. Vectors and tools come from outside and are not part of the repository: where they are absent
 * the suite is skipped, loudly and counted.
 */
import { existsSync } from "node:fs";
import { CHROMIUM, runChromium } from "./browser/run-chromium.ts";
import { runCodecLlhttp } from "./h1/codec-llhttp.ts";
import { runCodecProbe } from "./h1/codec-probe.ts";
import { runGatewayProbe, type CaseResult } from "./h1/gateway-probe.ts";
import { INTEROP_TOOLS, runInterop } from "./grpc/interop.ts";
import { H2SPEC, runH2spec } from "./h2/h2spec.ts";
import { runHpackStories } from "./h2/hpack-stories.ts";
import { H3_WAIVERS, PYTHON, runH3spec } from "./h3/h3spec.ts";
import { runQpackQifs } from "./h3/qpack-qifs.ts";
import { NGINX } from "./matrix/nginx-backend.ts";
import { runAioquic, runCells, runQuicGo } from "./matrix/run-cells.ts";
import { CURL, runCurl, runCurlToH3 } from "./matrix/run-curl.ts";
import { H2LOAD, NGHTTP, runH2load, runNghttp } from "./matrix/run-nghttp.ts";
import { GTLSCLIENT, runGtlsclient } from "./matrix/run-gtlsclient.ts";
import { runCaddy, runGtlsserver } from "./matrix/run-h3-servers.ts";
import { runNginx, runNginxFromH3 } from "./matrix/run-nginx.ts";
import { CADDY } from "./peers/caddy-server.ts";
import { GTLSSERVER } from "./peers/ngtcp2-server.ts";
import { PEER_TOOLS } from "./peers/peers.ts";
import { runRaw } from "./raw/run-raw.ts";
import { findTool } from "./tools.ts";
import { runAutobahn, type Way } from "./ws/run-autobahn.ts";
import { readWaivers, type Waivers } from "./waivers.ts";
import type { CleanupScope } from "../test/support/gateway.ts";

/** Beside the root of the project; another place can be named in CONFORMANCE_VECTORS. */
const VECTORS = new URL(process.env["CONFORMANCE_VECTORS"] ?? "../../shared/vectors/", import.meta.url);

/** What a suite needs besides the project: a file of vectors in `VECTORS`, programs (`tools.ts`), or both. */
interface Needs {
  readonly vectors?: string;
  readonly tools?: readonly string[];
}

interface Suite {
  readonly name: string;
  readonly needs: Needs;
  /** `file`: that of the vectors. */
  run(scope: CleanupScope, file: URL): Promise<readonly CaseResult[]> | readonly CaseResult[];
}

const NOTHING: Needs = {};
const PROBE_CASES: Needs = { vectors: "http11probe-cases.json" };
const AUTOBAHN_CASES: Needs = { vectors: "autobahn-cases.json" };
const AUTOBAHN_OVER_H3: Needs = { ...AUTOBAHN_CASES, tools: [PEER_TOOLS.aioquic] };

function autobahn(way: Way): Suite["run"] {
  return (scope, file) => runAutobahn(file, scope, way);
}

interface Protocol {
  /** Cases that may fail, with reasons; none where there is no file. */
  readonly waivers?: URL;
  readonly suites: readonly Suite[];
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  h1: {
    waivers: new URL("./h1/waivers.toml", import.meta.url),
    suites: [
      { name: "codec/http11probe", needs: PROBE_CASES, run: (_scope, file) => runCodecProbe(file) },
      {
        name: "codec/llhttp",
        needs: { vectors: "llhttp-vectors.json" },
        run: (_, file) => runCodecLlhttp(file),
      },
      { name: "gateway/http11probe", needs: PROBE_CASES, run: (scope, file) => runGatewayProbe(file, scope) },
    ],
  },
  h2: {
    suites: [
      { name: "hpack", needs: { vectors: "hpack-stories.json.gz" }, run: (_, file) => runHpackStories(file) },
      { name: "h2spec", needs: { tools: [H2SPEC] }, run: runH2spec },
    ],
  },
  h3: {
    waivers: H3_WAIVERS,
    suites: [
      { name: "qpack", needs: { vectors: "qpack-qifs.tar.gz" }, run: (_, file) => runQpackQifs(file) },
      { name: "h3spec", needs: { vectors: "h3spec-cases.json", tools: [PYTHON] }, run: runH3spec },
    ],
  },
  raw: {
    suites: [{ name: "relay", needs: { tools: [PEER_TOOLS.aioquic, PEER_TOOLS["quic-go"]] }, run: runRaw }],
  },
  ws: {
    suites: [
      { name: "autobahn/h1", needs: AUTOBAHN_CASES, run: autobahn("h1") },
      { name: "autobahn/h2", needs: AUTOBAHN_CASES, run: autobahn("h2") },
      { name: "autobahn/h3", needs: AUTOBAHN_OVER_H3, run: autobahn("h3") },
      { name: "autobahn/h1-h3", needs: AUTOBAHN_OVER_H3, run: autobahn("h1-h3") },
    ],
  },
  grpc: {
    suites: [{ name: "interop", needs: { tools: INTEROP_TOOLS }, run: runInterop }],
  },
  matrix: {
    suites: [
      { name: "node", needs: NOTHING, run: runCells },
      { name: "curl", needs: { tools: [CURL] }, run: runCurl },
      { name: "nghttp", needs: { tools: [NGHTTP] }, run: runNghttp },
      { name: "h2load", needs: { tools: [H2LOAD] }, run: runH2load },
      { name: "nginx", needs: { tools: [NGINX] }, run: runNginx },
      { name: "curl-to-h3", needs: { tools: [CURL, PEER_TOOLS.aioquic] }, run: runCurlToH3 },
      { name: "nginx-from-h3", needs: { tools: [NGINX, PEER_TOOLS.aioquic] }, run: runNginxFromH3 },
      { name: "gtlsclient", needs: { tools: [GTLSCLIENT, PEER_TOOLS.aioquic] }, run: runGtlsclient },
      { name: "gtlsserver", needs: { tools: [GTLSSERVER, PEER_TOOLS.aioquic] }, run: runGtlsserver },
      { name: "caddy", needs: { tools: [CADDY, PEER_TOOLS.aioquic] }, run: runCaddy },
      { name: "chromium", needs: { tools: [CHROMIUM] }, run: runChromium },
      { name: "aioquic", needs: { tools: [PEER_TOOLS.aioquic] }, run: runAioquic },
      { name: "quic-go", needs: { tools: [PEER_TOOLS["quic-go"]] }, run: runQuicGo },
    ],
  },
};

class Tally {
  passed = 0;
  failed = 0;
  waived = 0;
  skipped = 0;
}

/** One protocol after the other; each ends with its own counts. */
async function runAll(protocols: readonly string[]): Promise<number> {
  let worst = 0;
  for (const protocol of protocols) {
    if (protocols.length > 1) console.log(`\n## ${protocol}`);
    worst = Math.max(worst, await run(protocol));
  }
  return worst;
}

async function run(protocol: string): Promise<number> {
  const chosen = PROTOCOLS[protocol];
  if (chosen === undefined) {
    console.error(`unknown protocol ${protocol}; there is: ${Object.keys(PROTOCOLS).join(", ")}`);
    return 2;
  }
  const waivers: Waivers = chosen.waivers === undefined ? new Map() : readWaivers(chosen.waivers);
  const used = new Set<string>();
  const tally = new Tally();
  for (const suite of chosen.suites) await runSuite(suite, waivers, used, tally);
  for (const id of waivers.keys()) {
    if (used.has(id) || tally.skipped > 0) continue;
    tally.failed++;
    console.log(`FAILED waiver ${id}: no case needs it`);
  }
  if (tally.skipped > 0) console.log(`${tally.skipped} suites SKIPPED: what they need is not there`);
  if (tally.waived > 0) console.log(`${tally.waived} waived`);
  console.log(`${tally.passed} passed, ${tally.failed} failed`);
  return tally.failed === 0 ? 0 : 1;
}

async function runSuite(suite: Suite, waivers: Waivers, used: Set<string>, tally: Tally): Promise<void> {
  const missing = missingOf(suite.needs);
  if (missing !== undefined) {
    tally.skipped++;
    console.log(`SKIPPED ${suite.name}: ${missing}`);
    return;
  }
  const start = performance.now();
  const results = await withCleanup((scope) => suite.run(scope, vectorsOf(suite.needs)));
  for (const { id, problem } of results) judge(`${suite.name}/${id}`, problem, { waivers, used, tally });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${suite.name}: ${results.length} cases in ${seconds} s`);
}

function vectorsOf(needs: Needs): URL {
  return new URL(needs.vectors ?? "", VECTORS);
}

function missingOf(needs: Needs): string | undefined {
  const tool = needs.tools?.find((name) => findTool(name) === undefined);
  if (tool !== undefined) return `no program ${tool}`;
  if (needs.vectors === undefined) return undefined;
  const file = vectorsOf(needs);
  return existsSync(file) ? undefined : `no vectors at ${file.pathname}`;
}

interface Judging {
  readonly waivers: Waivers;
  readonly used: Set<string>;
  readonly tally: Tally;
}

function judge(id: string, problem: string | undefined, { waivers, used, tally }: Judging): void {
  if (problem === undefined) {
    tally.passed++;
    return;
  }
  const reason = waivers.get(id);
  if (reason === undefined) {
    tally.failed++;
    console.log(`FAILED ${id}: ${problem}`);
    return;
  }
  used.add(id);
  tally.waived++;
  console.log(`waived ${id}: ${reason}`);
}

async function withCleanup<T>(work: (scope: CleanupScope) => Promise<T> | T): Promise<T> {
  const cleanups: (() => Promise<void>)[] = [];
  try {
    return await work({ after: (cleanup) => cleanups.push(cleanup) });
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

// Peers that a case has given up on may hold sockets for a while yet; nothing waits for them.
process.exit(await runAll(process.argv.length > 2 ? process.argv.slice(2) : ["h1"]));
