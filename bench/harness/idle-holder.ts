/**
 * Holds idle keep-alive connections to a proxy, each of which has had one request answered. They live
 * in processes of their own, so that neither the bench nor wrk carries them, and come from several
 * loopback addresses, as one address has no more than some 28,000 ports.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { descriptorLimit } from "./machine.ts";
import type { Target } from "./equal-work.ts";
import { within } from "../../test/support/wait-for.ts";

export interface HoldOrder extends Target {
  /** Source addresses, used in turn. */
  readonly localAddresses: readonly string[];
  readonly connections: number;
}

const CHILD = fileURLToPath(new URL("./idle-holder-child.ts", import.meta.url));

/** Per process: some 150 MiB of sockets. */
const MAX_PER_PROCESS = 15_000;
/** Per source address: the kernel's search for a free port takes long when half of them are taken. */
const MAX_PER_ADDRESS = 5000;
/** What a process needs besides. */
const OTHER_DESCRIPTORS = 200;
/** For one process's connections, on a busy machine. */
const OPEN_TIMEOUT_MS = 120_000;

export class IdleHolder {
  readonly #children: ChildProcess[] = [];

  /** `index` tells holders apart: each has source addresses of its own. */
  static async open(target: Target, connections: number, at: HoldPlace): Promise<IdleHolder> {
    const holder = new IdleHolder();
    try {
      for (const [part, order] of split(target, connections, at.index).entries()) {
        await holder.#add(order, at.cpus, `part ${part} of the idle connections`);
      }
      return holder;
    } catch (error) {
      holder.close();
      throw error;
    }
  }

  async #add(order: HoldOrder, cpus: readonly number[], what: string): Promise<void> {
    const shell = `ulimit -n ${order.connections + OTHER_DESCRIPTORS}; exec taskset -c ${cpus.join(",")} "$0" "$@"`;
    const child = spawn("/bin/sh", ["-c", shell, process.execPath, CHILD], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#children.push(child);
    child.send(order);
    const ended = once(child, "exit").then(() => Promise.reject(new Error(`${what}: the process ended`)));
    ended.catch(() => {});
    const [held] = (await within(what, OPEN_TIMEOUT_MS, Promise.race([once(child, "message"), ended]))) as [
      number,
    ];
    if (held !== order.connections) throw new Error(`${what}: ${held} of ${order.connections} stayed open`);
  }

  /** Closes them all at once. */
  close(): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }
}

export interface HoldPlace {
  readonly cpus: readonly number[];
  readonly index: number;
}

/** Orders for as many processes as are needed. */
export function split(target: Target, connections: number, index: number): HoldOrder[] {
  const most = Math.min(MAX_PER_PROCESS, descriptorLimit() - OTHER_DESCRIPTORS);
  const parts = Math.ceil(connections / most);
  return Array.from({ length: parts }, (_, part) => {
    const own = Math.floor(connections / parts) + (part < connections % parts ? 1 : 0);
    const addresses = Math.ceil(own / MAX_PER_ADDRESS);
    const localAddresses = Array.from({ length: addresses }, (_, i) => `127.${200 + index}.${part}.${i + 1}`);
    return { ...target, localAddresses, connections: own };
  });
}
