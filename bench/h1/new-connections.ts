/** Small GETs, each on a connection of its own. */
import { measureRequests } from "../harness/requests.ts";
import { keep, reportRequests } from "../harness/report.ts";
import { Stage } from "../harness/stage.ts";
import type { BenchOptions } from "../options.ts";

const CONNECTIONS = 64;

export async function newConnections(options: BenchOptions): Promise<void> {
  const stage = await Stage.set(options.only, 4000);
  try {
    const measured = await measureRequests(stage, { ...options, connections: CONNECTIONS, close: true });
    reportRequests(`h1 new connection per request, ${CONNECTIONS} at a time`, measured);
    keep("h1-close", options, measured);
  } finally {
    await stage.clear();
  }
}
