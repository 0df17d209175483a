/**
 * The stage that every scenario plays on: two backends and the load on one CPU, each proxy in turn on
 * the other. All proxies run through the whole session, idle while another is measured.
 */
import { availableParallelism, tmpdir } from "node:os";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Calibration } from "./calibration.ts";
import { expressgateway } from "./expressgateway.ts";
import { haproxy } from "./haproxy.ts";
import { nginx, startBackends } from "./nginx.ts";
import type { ProxyKind, RunningProxy } from "./proxy.ts";
import { freePort, HOST } from "../../test/support/addresses.ts";

export const KINDS: readonly ProxyKind[] = [nginx, haproxy, expressgateway];

/** The answers of the backends: small, as in most API traffic. */
const BODY_BYTES = 128;

export interface Contestant {
  readonly proxy: RunningProxy;
  readonly url: string;
  readonly port: number;
}

export class Stage {
  readonly contestants: readonly Contestant[];
  readonly calibration: Calibration;
  readonly loadCpu: number;
  readonly #cleanups: (() => Promise<void> | void)[];

  /** Starts everything. `only`: names of the proxies to run; empty for all. */
  static async set(only: readonly string[], maxConnections: number): Promise<Stage> {
    const [proxyCpu, loadCpu] = availableParallelism() > 1 ? ([0, 1] as const) : ([0, 0] as const);
    const dir = mkdtempSync(join(tmpdir(), "expressgateway-bench-"));
    const cleanups: (() => Promise<void> | void)[] = [() => rmSync(dir, { recursive: true, force: true })];
    try {
      const ports = [await freePort(), await freePort()];
      const base = { host: HOST, cpu: loadCpu, maxConnections };
      const backends = ports.map((port) => `${HOST}:${port}`);
      const daemon = await startBackends(
        { ...base, port: ports[0] ?? 0, backends, dir: subdirectory(dir, "backends") },
        ports,
        BODY_BYTES,
      );
      cleanups.push(() => daemon.stop());
      const contestants: Contestant[] = [];
      for (const kind of chosen(only)) {
        const port = await freePort();
        const proxy = await kind.start({
          ...base,
          cpu: proxyCpu,
          port,
          backends,
          dir: subdirectory(dir, kind.name),
        });
        cleanups.push(() => proxy.stop());
        contestants.push({ proxy, url: `http://${HOST}:${port}/bench?small=1`, port });
      }
      const calibration = await Calibration.start([proxyCpu, loadCpu]);
      cleanups.push(() => calibration.stop());
      return new Stage({ contestants, calibration, loadCpu, cleanups });
    } catch (error) {
      await runAll(cleanups);
      throw error;
    }
  }

  private constructor(
    parts: Pick<Stage, "contestants" | "calibration" | "loadCpu"> & {
      readonly cleanups: (() => Promise<void> | void)[];
    },
  ) {
    this.contestants = parts.contestants;
    this.calibration = parts.calibration;
    this.loadCpu = parts.loadCpu;
    this.#cleanups = parts.cleanups;
  }

  async clear(): Promise<void> {
    await runAll(this.#cleanups);
  }
}

/** The proxies that are asked for and installed; says loudly which are not. */
function chosen(only: readonly string[]): ProxyKind[] {
  const wanted = KINDS.filter(({ name }) => only.length === 0 || only.includes(name.toLowerCase()));
  return wanted.filter((kind) => {
    const version = kind.version();
    console.log(
      version === undefined ? `SKIPPED: ${kind.name} is not installed` : `${kind.name}: ${version}`,
    );
    return version !== undefined;
  });
}

function subdirectory(dir: string, name: string): string {
  const path = join(dir, name);
  mkdirSync(path);
  return path;
}

async function runAll(cleanups: readonly (() => Promise<void> | void)[]): Promise<void> {
  for (const cleanup of cleanups.toReversed()) await cleanup();
}
