/** All cases in all cells, with node:http, node:http2 and `ws` on both sides. */
import type { CaseResult } from "../h1/gateway-probe.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { ABORTS } from "./cases/aborts.ts";
import { BODIES } from "./cases/bodies.ts";
import { INTERIM } from "./cases/interim.ts";
import { MANY_AT_ONCE } from "./cases/many.ts";
import { RESETS } from "./cases/resets.ts";
import { REUSE } from "./cases/reuse.ts";
import { heldBack } from "./cases/held-back.ts";
import { WEBSOCKET } from "./cases/websocket.ts";
import { startCells } from "./cells.ts";
import { runInCells } from "./matrix-case.ts";

const LANES = 4;

export async function runCells(scope: CleanupScope): Promise<CaseResult[]> {
  const { gateway, cells } = await startCells(scope);
  const results = await runInCells(
    cells,
    [...BODIES, ...INTERIM, ...ABORTS, ...RESETS, REUSE, WEBSOCKET],
    LANES,
  );
  // One after the other: the memory is that of the one worker, and a thousand at once are enough for the machine.
  const [worker = 0] = gateway.workers();
  results.push(...(await runInCells(cells, heldBack(worker), 1)));
  results.push(...(await runInCells(cells, [MANY_AT_ONCE], 1)));
  gateway.assertAlive();
  await gateway.stop();
  return results;
}
