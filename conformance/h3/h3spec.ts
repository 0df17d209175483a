/**
 * The cases of h3spec against a running gateway: mistakes of a client in QUIC, TLS, HTTP/3 and QPACK, each with
 * the codes that answer it. aioquic plays them, bent where it would obey (`client/`); it shares no code with the
 * gateway. Of what QUIC does, the engine decides most: `waivers.toml` tells what it does instead.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, HOST } from "../../test/support/addresses.ts";
import { certificateFolder, writeIdentity } from "../../test/support/certificates-files.ts";
import { CertificateAuthority } from "../../test/support/certificates.ts";
import { Gateway, type CleanupScope } from "../../test/support/gateway.ts";
import { RecordingBackend } from "../../test/support/recording-backend.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { PEER_TOOLS } from "../peers/peers.ts";
import { findTool, runTool } from "../tools.ts";
import { readWaivers } from "../waivers.ts";
import { problemOf, readAnswers } from "./h3spec-answer.ts";
import { type H3specCase, readH3specCases } from "./h3spec-cases.ts";

/** Python, with aioquic in it. */
export const PYTHON = PEER_TOOLS.aioquic;

/** For all of `conformance -- h3`. */
export const H3_WAIVERS: URL = new URL("./waivers.toml", import.meta.url);

const CLIENT = fileURLToPath(new URL("./client/play.py", import.meta.url));

/** The cases bound their own time, eight at once; on an idle machine they take a second. */
const RUN_TIMEOUT_MS = 90_000;

/** Cases of the file. Fewer would mean that it is another one. */
const CASES = 49;

/** So many may differ from the suite, and only where the engine decides. */
const MAX_WAIVERS = 12;

/** CRYPTO in 0-RTT: a server that takes no early data cannot open the packet. */
const EARLY_DATA_CASE = 34;

export async function runH3spec(scope: CleanupScope, file: URL): Promise<CaseResult[]> {
  const cases = readH3specCases(file);
  const backend = await RecordingBackend.start({
    script: (_request, answer) => void answer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  });
  scope.after(() => backend.stop());
  const [port, earlyPort] = [await freePort(), await freePort()];
  const gateway = await startGateway(scope, backend.address, { port, earlyPort });
  const [early, others] = partition(cases, ({ number }) => number === EARLY_DATA_CASE);
  const results = [
    ...(await play("client", port, others)),
    ...(await play("client/early", earlyPort, early)),
  ];
  gateway.assertAlive();
  await gateway.stop();
  return [
    { id: "count", problem: cases.length === CASES ? undefined : `${cases.length} cases` },
    { id: "waivers", problem: waiverProblem(cases) },
    ...results,
  ];
}

interface Ports {
  readonly port: number;
  /** Of a listener that takes early data. */
  readonly earlyPort: number;
}

async function startGateway(
  scope: CleanupScope,
  backend: string,
  { port, earlyPort }: Ports,
): Promise<Gateway> {
  const folder = certificateFolder(scope);
  const identity = new CertificateAuthority().issue({ names: [HOST, "localhost"] });
  const { certPath, keyPath } = writeIdentity(folder, "server", identity);
  const listener = (name: string, at: number, more: object): Record<string, unknown> => ({
    name,
    address: `${HOST}:${at}`,
    protocol: "quic",
    quic: {
      cert_path: certPath,
      key_path: keyPath,
      retry_secret_path: join(folder, `${name}.secret`),
      ...more,
    },
    backends: [{ address: backend, protocol: "h1" }],
  });
  return await Gateway.start(scope, {
    listeners: [listener("h3", port, {}), listener("early", earlyPort, { early_data: true })],
  });
}

function partition<T>(all: readonly T[], holds: (one: T) => boolean): [T[], T[]] {
  return [all.filter(holds), all.filter((one) => !holds(one))];
}

/** `id`: of the client itself among the results. */
async function play(id: string, port: number, cases: readonly H3specCase[]): Promise<CaseResult[]> {
  const numbers = cases.map(({ number }) => `${number}`);
  // Nothing is to be written beside the program.
  const args = ["-B", CLIENT, HOST, `${port}`, ...numbers];
  const { code, output } = await runTool(findTool(PYTHON) ?? PYTHON, args, RUN_TIMEOUT_MS);
  const answers = readAnswers(output);
  const end = code === 0 ? undefined : `the client ended with ${code}: ${output.slice(-500)}`;
  return [
    { id, problem: end },
    ...cases.map((one) => ({ id: one.id, problem: problemOf(one, answers.get(one.number)) })),
  ];
}

/** HTTP/3 and QPACK are the gateway's own: nothing there is waived. */
function waiverProblem(cases: readonly H3specCase[]): string | undefined {
  const own = new Set(cases.filter(({ byTransport }) => !byTransport).map(({ id }) => `h3spec/${id}`));
  const waived = [...readWaivers(H3_WAIVERS).keys()];
  const wrong = waived.filter((id) => own.has(id));
  if (wrong.length > 0) return `waived, and ours to do: ${wrong.join(", ")}`;
  return waived.length > MAX_WAIVERS ? `${waived.length} waivers` : undefined;
}
