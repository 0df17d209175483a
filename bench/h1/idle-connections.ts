/** What 10,000 idle keep-alive connections cost in memory: the growth of the proxy's RSS, per connection. */
import { connect, type Socket } from "node:net";
import { keep } from "../harness/report.ts";
import { Stage, type Contestant } from "../harness/stage.ts";
import type { BenchOptions } from "../options.ts";
import { HOST } from "../../test/support/addresses.ts";
import { rssBytes } from "../../test/support/processes.ts";
import { pause } from "../../test/support/wait-for.ts";

const CONNECTIONS = 10_000;
/** Opened and closed first, so that code and pools are not counted as the price of connections. */
const WARM_UP = 1000;
/** Connections opened at the same time. */
const AT_ONCE = 100;
/** Each source address gives some 28,000 ports; a few keep clear of what is still in TIME_WAIT. */
const SOURCES = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

interface IdleResult {
  readonly name: string;
  readonly version: string;
  readonly bytesPerConnection: number;
  readonly rssMibBefore: number;
  readonly rssMibAfter: number;
}

export async function idleConnections(options: BenchOptions): Promise<void> {
  const stage = await Stage.set(options.only, CONNECTIONS + 500);
  try {
    const results: IdleResult[] = [];
    for (const contestant of stage.contestants) results.push(await measure(contestant));
    console.log(
      `\n| ${CONNECTIONS} idle keep-alive connections | RSS before MiB | RSS with them MiB | bytes per connection |`,
    );
    console.log("|---|---|---|---|");
    for (const { name, rssMibBefore, rssMibAfter, bytesPerConnection } of results) {
      console.log(
        `| ${name} | ${rssMibBefore.toFixed(1)} | ${rssMibAfter.toFixed(1)} | ${Math.round(bytesPerConnection)} |`,
      );
    }
    keep("h1-idle", options, results);
  } finally {
    await stage.clear();
  }
}

async function measure({ proxy, port }: Contestant): Promise<IdleResult> {
  const memory = (): number => proxy.pids().reduce((sum, pid) => sum + rssBytes(pid), 0);
  close(await open(port, WARM_UP));
  await pause(2000);
  const before = memory();
  const sockets = await open(port, CONNECTIONS);
  await pause(2000);
  const after = memory();
  close(sockets);
  await pause(500);
  const mib = 1024 * 1024;
  return {
    name: proxy.name,
    version: proxy.version,
    bytesPerConnection: (after - before) / CONNECTIONS,
    rssMibBefore: before / mib,
    rssMibAfter: after / mib,
  };
}

/** Opens connections and sends one request on each. */
async function open(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - sockets.length) }, (_, i) =>
      openOne(port, i),
    );
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

function openOne(port: number, index: number): Promise<Socket> {
  const localAddress = SOURCES[index % SOURCES.length] ?? "127.0.0.1";
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port, localAddress });
    socket.once("error", reject);
    socket.once("connect", () => socket.write("GET / HTTP/1.1\r\nHost: bench\r\n\r\n"));
    socket.once("data", () => resolve(socket));
  });
}

function close(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}
