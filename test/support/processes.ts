/** What /proc tells about the processes of a gateway under test. Linux only, like the gateway. */
import { readdirSync, readFileSync } from "node:fs";

/** Direct children of a process. */
export function childrenOf(pid: number): number[] {
  const found: number[] = [];
  for (const task of entries(`/proc/${pid}/task`)) {
    const text = read(`/proc/${pid}/task/${task}/children`);
    for (const child of text.split(" ")) if (child.trim() !== "") found.push(Number(child));
  }
  return found.toSorted((a, b) => a - b);
}

export function isAlive(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat !== "" && !/\) [ZX] /.test(stat);
}

/** Resident memory in bytes; 0 when the process is gone. */
export function rssBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`));
  return match === null ? 0 : Number(match[1]) * 1024;
}

/** The most resident memory in bytes that the process has had, since its start or since that was cleared; 0 when it is gone. */
export function peakRssBytes(pid: number): number {
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`));
  return match === null ? 0 : Number(match[1]) * 1024;
}

/** User and system time in microseconds (clock ticks of 10 ms). */
export function cpuMicros(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10_000;
}

/** How many file descriptors a process has open. */
export function openDescriptors(pid: number): number {
  return entries(`/proc/${pid}/fd`).length;
}

/** Sends a signal; false when the process is gone already. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
