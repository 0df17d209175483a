/**
 * How fast the machine is just now, to reject runs that a slow phase spoilt. One process on each of
 * the two CPUs counts at the same time, then they play ping-pong over loopback: a slow phase shows in
 * the work of both CPUs and in the way between them, often not on one CPU alone.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("./calibration-child.ts", import.meta.url));

/** Slower than this share of the best seen: the run between is not used. */
const TOLERANCE = 0.88;

export interface Score {
  /** Rounds of a counting loop, of the slower CPU. */
  readonly spin: number;
  /** Round trips between the CPUs. */
  readonly trips: number;
}

export class Calibration {
  readonly #children: readonly ChildProcess[];
  #best: Score = { spin: 0, trips: 0 };

  static async start(cpus: readonly [number, number]): Promise<Calibration> {
    const children = cpus.map((cpu) =>
      fork(CHILD, [], { execPath: "/usr/bin/taskset", execArgv: ["-c", String(cpu), process.execPath] }),
    );
    const [first, second] = children;
    if (first === undefined || second === undefined) throw new Error("calibration needs two processes");
    const port = await ask(first, { kind: "listen" });
    await ask(second, { kind: "connect", port });
    return new Calibration(children);
  }

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
  }

  /** Measures now; takes about 120 ms. */
  async measure(): Promise<Score> {
    const spins = await Promise.all(this.#children.map((child) => ask(child, { kind: "spin" })));
    const second = this.#children[1];
    const trips = second === undefined ? 0 : await ask(second, { kind: "trips" });
    const score = { spin: Math.min(...spins), trips };
    this.#best = {
      spin: Math.max(this.#best.spin, score.spin),
      trips: Math.max(this.#best.trips, score.trips),
    };
    return score;
  }

  /** Whether a score is close to the best that was ever seen in this run of the bench. */
  isGood(score: Score): boolean {
    return (
      score.spin >= this.#best.spin * TOLERANCE && score.trips >= this.#best.trips * TOLERANCE * TOLERANCE
    );
  }

  stop(): void {
    for (const child of this.#children) child.kill();
  }
}

export type Order =
  | { readonly kind: "listen" }
  | { readonly kind: "connect"; readonly port: number }
  | { readonly kind: "spin" }
  | { readonly kind: "trips" };

async function ask(child: ChildProcess, order: Order): Promise<number> {
  const answered = once(child, "message") as Promise<[number]>;
  child.send(order);
  return (await answered)[0];
}
