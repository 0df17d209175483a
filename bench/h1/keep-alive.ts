/** Small GETs on 64 keep-alive connections. */
import { measureRequests } from "../harness/requests.ts";
import { keep, reportRequests } from "../harness/report.ts";
import { Stage } from "../harness/stage.ts";
import type { BenchOptions } from "../options.ts";

const CONNECTIONS = 64;

export async function keepAlive(options: BenchOptions): Promise<void> {
  const stage = await Stage.set(options.only, 1000);
  try {
    const measured = await measureRequests(stage, { ...options, connections: CONNECTIONS, close: false });
    reportRequests(`h1 small GET, ${CONNECTIONS} connections`, measured);
    keep("h1-keep-alive", options, measured);
  } finally {
    await stage.clear();
  }
}
