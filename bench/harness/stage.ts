/**
 * The stage that every scenario plays on: two backends and the load on some CPUs, each proxy in turn
 * on the others. All proxies run through the whole scenario, idle while another is measured. Scenarios
 * set it and clear it; `rounds.ts` plays on it.
 */
import { availableParallelism, tmpdir } from "node:os";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { atExit } from "./at-exit.ts";
import { Calibration } from "./calibration.ts";
import { checkEqualWork } from "./equal-work.ts";
import { DEFAULT_HOST, type Load } from "./load.ts";
import { planCpus, type CpuPlan } from "./machine.ts";
import type { ProxyKind, ProxySetup, RunningProxy, TlsSetup } from "./proxy.ts";
import { startReadingBackends } from "./reading-backends.ts";
import { startStaticBackends } from "./static-backends.ts";
import { freePort, HOST } from "../../test/support/addresses.ts";
import { writePrivate } from "../../test/support/certificates-files.ts";
import { CertificateAuthority } from "../../test/support/certificates.ts";

export interface StageSettings {
  readonly backends: "static" | "reading";
  readonly load: Load;
  readonly maxConnections: number;
  readonly workers: number;
  readonly routes: ProxySetup["routes"];
  readonly logs: ProxySetup["logs"];
  readonly tls: TlsSetup["key"] | null;
  /** Over QUIC too, on the same port. */
  readonly quic: boolean;
}

export interface Contestant {
  readonly name: string;
  readonly proxy: RunningProxy;
  readonly host: string;
  readonly port: number;
}

type Cleanup = () => Promise<void> | void;

/** Of the backends: each proxy may have as many connections as it has clients, several proxies keep theirs idle. */
const BACKEND_DESCRIPTORS = 20_000;

export class Stage {
  readonly contestants: readonly Contestant[];
  readonly calibration: Calibration;
  readonly cpus: CpuPlan;
  readonly dir: string;
  readonly #cleanups: Cleanup[];

  /** Starts everything and checks that all do the same; clears up what there is when something fails. */
  static async set(kinds: readonly ProxyKind[], settings: StageSettings): Promise<Stage> {
    const dir = mkdtempSync(join(tmpdir(), "expressgateway-bench-"));
    const remove = (): void => rmSync(dir, { recursive: true, force: true });
    const cleanups: Cleanup[] = [remove, atExit(remove)];
    // nginx, started by root, reads its files as somebody else.
    chmodSync(dir, 0o755);
    try {
      const cpus = planCpus(availableParallelism(), settings.workers);
      const backends = await startBackends(settings.backends, { cpus, dir, cleanups });
      const tls = settings.tls === null ? null : writeTls(subdirectory(dir, "tls"), settings.tls);
      const setup = { ...settings, tls, cpus: cpus.proxy, backends, host: HOST };
      const started = await Promise.allSettled(
        kinds.map((kind) => startContestant(kind, setup, { dir, cleanups })),
      );
      const contestants = started.map((outcome) => {
        if (outcome.status === "rejected") throw outcome.reason;
        return outcome.value;
      });
      for (const one of contestants)
        await checkEqualWork(one.name, { ...one, tls: tls !== null }, settings.load);
      const calibration = await Calibration.start([cpus.proxy[0] ?? 0, cpus.load.at(-1) ?? 0]);
      cleanups.push(() => calibration.stop());
      return new Stage({ contestants, calibration, cpus, dir, cleanups });
    } catch (error) {
      await runAll(cleanups);
      throw error;
    }
  }

  private constructor(
    parts: Pick<Stage, "contestants" | "calibration" | "cpus" | "dir"> & { readonly cleanups: Cleanup[] },
  ) {
    this.contestants = parts.contestants;
    this.calibration = parts.calibration;
    this.cpus = parts.cpus;
    this.dir = parts.dir;
    this.#cleanups = parts.cleanups;
  }

  /** Lets `cleanup` run when the stage is cleared, before what was there. */
  onClear(cleanup: Cleanup): void {
    this.#cleanups.push(cleanup);
  }

  async clear(): Promise<void> {
    await runAll(this.#cleanups);
  }
}

/** A certificate that lasts as long as the stage. */
function writeTls(dir: string, key: TlsSetup["key"]): TlsSetup {
  const { certPem, keyPem } = new CertificateAuthority().issue({ names: [DEFAULT_HOST, HOST], key });
  return {
    key,
    certPath: writePrivate(dir, "server.crt", certPem),
    keyPath: writePrivate(dir, "server.key", keyPem),
    bothPath: writePrivate(dir, "server.pem", certPem + keyPem),
  };
}

interface Place {
  readonly dir: string;
  readonly cleanups: Cleanup[];
}

/** Gives the backends' addresses. */
async function startBackends(
  backends: StageSettings["backends"],
  { cpus, dir, cleanups }: Place & { readonly cpus: CpuPlan },
): Promise<readonly string[]> {
  const ports = [await freePort(), await freePort()];
  const own = subdirectory(dir, "backends");
  const start = backends === "static" ? startStaticBackends : startReadingBackends;
  const daemon = await start({
    host: HOST,
    ports,
    cpus: cpus.load,
    dir: own,
    descriptors: BACKEND_DESCRIPTORS,
  });
  cleanups.push(() => daemon.stop());
  return ports.map((port) => `${HOST}:${port}`);
}

async function startContestant(
  kind: ProxyKind,
  setup: Omit<ProxySetup, "port" | "dir">,
  { dir, cleanups }: Place,
): Promise<Contestant> {
  const port = await freePort();
  const own = subdirectory(dir, kind.name.replaceAll(/[^\w.-]+/g, "_"));
  const proxy = await kind.start({ ...setup, port, dir: own });
  cleanups.push(() => proxy.stop());
  return { name: kind.name, proxy, host: setup.host, port };
}

function subdirectory(dir: string, name: string): string {
  const path = join(dir, name);
  mkdirSync(path);
  return path;
}

async function runAll(cleanups: Cleanup[]): Promise<void> {
  for (let last = cleanups.pop(); last !== undefined; last = cleanups.pop()) await last();
}
