/**
 * What /proc tells about a process (proc(5)): memory, processor time, open descriptors. Read at
 * scrape time for the main process and each worker; the workers themselves do nothing for it.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";

export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly virtualBytes: number;
  readonly openDescriptors: number;
}

/** Ticks of a second in /proc/PID/stat: USER_HZ, 100 on every architecture that the gateway runs on. */
const TICKS_PER_SECOND = 100;

/** Fields of /proc/PID/stat after the command, which ends at the last parenthesis; `state` is 0. */
const STAT_UTIME = 11;
const STAT_STIME = 12;

/** The usage of a process now, or null when it has ended. */
export function readProcessUsage(pid: number): ProcessUsage | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return {
      cpuSeconds: (Number(fields[STAT_UTIME]) + Number(fields[STAT_STIME])) / TICKS_PER_SECOND,
      residentBytes: statusBytes(status, "VmRSS"),
      virtualBytes: statusBytes(status, "VmSize"),
      openDescriptors: countDescriptors(pid),
    };
  } catch {
    // It has ended meanwhile, or the machine has no /proc.
    return null;
  }
}

function statusBytes(status: string, name: string): number {
  const start = status.indexOf(`\n${name}:`);
  return start === -1 ? 0 : Number.parseInt(status.slice(start + name.length + 2), 10) * 1024;
}

/** Since Linux 6.2 the size of the directory is the number of descriptors; before, it is 0. */
function countDescriptors(pid: number): number {
  const path = `/proc/${pid}/fd`;
  const { size } = statSync(path);
  return size > 0 ? size : readdirSync(path).length;
}
