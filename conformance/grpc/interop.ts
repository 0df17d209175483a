/**
 * The interoperability suite of gRPC (grpc-go's client and server) with the gateway between them: TLS and
 * HTTP/2 from the client, HTTP/2 by prior knowledge to the server. All cases that need no account of a
 * cloud service.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { freePort, HOST } from "../../test/support/addresses.ts";
import { certificateFolder, writeIdentity, writePrivate } from "../../test/support/certificates-files.ts";
import { CertificateAuthority } from "../../test/support/certificates.ts";
import { Gateway, type CleanupScope } from "../../test/support/gateway.ts";
import { h1Listener } from "../../test/support/gateway-config.ts";
import { RawClient } from "../../test/support/raw-client.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import { startNamingServer } from "./naming-server.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { findTool, runTool } from "../tools.ts";

/** `go install` names both programs after their folders, so they have one of their own. */
const CLIENT = join("grpc-interop", "client");
const SERVER = join("grpc-interop", "server");
export const INTEROP_TOOLS: readonly string[] = [CLIENT, SERVER];

const CASES = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "timeout_on_sleeping_server",
  "cancel_after_begin",
  "cancel_after_first_response",
  "status_code_and_message",
  "special_status_message",
  "custom_metadata",
  "unimplemented_method",
  "unimplemented_service",
  "pick_first_unary",
  "orca_per_rpc",
  "orca_oob",
  "rpc_soak",
  "channel_soak",
] as const;

/** With this the client looks at load reports. */
const ORCA = '{"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}';

/** What some cases need besides. */
const FLAGS: Readonly<Partial<Record<(typeof CASES)[number], readonly string[]>>> = {
  orca_per_rpc: ["-service_config_json", ORCA],
  orca_oob: ["-service_config_json", ORCA],
  rpc_soak: ["-soak_iterations", "20", "-soak_overall_timeout_seconds", "20"],
  channel_soak: ["-soak_iterations", "20", "-soak_overall_timeout_seconds", "20"],
};

/** The case that goes to `naming-server.ts`. */
const NAMED_CASE = "pick_first_unary";

/** What the client's certificate check and `:authority` go by. */
const NAME = "interop.example.test";

const CASE_TIMEOUT_MS = 30_000;

export async function runInterop(scope: CleanupScope): Promise<CaseResult[]> {
  const [port, namedPort] = [await freePort(), await freePort()];
  const [serverPort, namingPort] = [await freePort(), await freePort()];
  await startServer(scope, serverPort);
  await startNamingServer(scope, namingPort);
  const folder = certificateFolder(scope);
  const authority = new CertificateAuthority();
  const ca = writePrivate(folder, "ca.crt", authority.rootPem);
  const { certPath, keyPath } = writeIdentity(folder, "server", authority.issue({ names: [NAME] }));
  const tls = { cert_path: certPath, key_path: keyPath };
  const listener = (name: string, on: number, backend: number) =>
    h1Listener(on, [{ address: `${HOST}:${backend}`, protocol: "h2" }], { name, protocol: "h1s", tls });
  const gateway = await Gateway.start(scope, {
    listeners: [listener("interop", port, serverPort), listener("named", namedPort, namingPort)],
  });
  const results: CaseResult[] = [];
  for (const name of CASES) results.push(await runCase(name, name === NAMED_CASE ? namedPort : port, ca));
  gateway.assertAlive();
  await gateway.stop();
  return results;
}

async function startServer(scope: CleanupScope, port: number): Promise<void> {
  const child = spawn(findTool(SERVER) ?? SERVER, ["-port", `${port}`], { stdio: "ignore" });
  scope.after(async () => {
    child.kill("SIGKILL");
    await waitFor("the interop server to end", () => child.exitCode !== null || child.signalCode !== null);
  });
  await waitFor("the interop server to listen", () => canConnect(port));
}

async function canConnect(port: number): Promise<boolean> {
  try {
    const client = await RawClient.connect(port);
    client.destroy();
    return true;
  } catch {
    return false;
  }
}

async function runCase(name: (typeof CASES)[number], port: number, ca: string): Promise<CaseResult> {
  const { code, output } = await runTool(
    findTool(CLIENT) ?? CLIENT,
    [...target(port), ...trust(ca), "-test_case", name, ...(FLAGS[name] ?? [])],
    CASE_TIMEOUT_MS,
  );
  return { id: name, problem: code === 0 ? undefined : `exit code ${code}: ${output.trim().slice(-400)}` };
}

function target(port: number): readonly string[] {
  return ["-server_host", HOST, "-server_port", `${port}`, "-server_host_override", NAME];
}

function trust(ca: string): readonly string[] {
  return ["-use_tls", "-use_test_ca", "-ca_file", ca];
}
