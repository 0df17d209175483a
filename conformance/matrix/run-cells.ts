/**
 * All cases in all cells: over TCP with node:http, node:http2 and `ws` on both sides; over HTTP/3 with what
 * an independent peer can do of them on its side, or on both.
 */
import type { CaseResult } from "../h1/gateway-probe.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { ABORTS } from "./cases/aborts.ts";
import { BODIES } from "./cases/bodies.ts";
import { GRPC } from "./cases/grpc.ts";
import { INTERIM } from "./cases/interim.ts";
import { MANY_AT_ONCE } from "./cases/many.ts";
import { RESETS } from "./cases/resets.ts";
import { REUSE } from "./cases/reuse.ts";
import { STATUSES } from "./cases/statuses.ts";
import { heldBack } from "./cases/held-back.ts";
import { WEBSOCKET } from "./cases/websocket.ts";
import { type Cell, type Grid, startCells, startH3Cells } from "./cells.ts";
import { type MatrixCase, runInCells } from "./matrix-case.ts";

const LANES = 4;

/** Of four bodies at once that go both ways; aioquic moves some ten a second. */
const LARGE_MEBIBYTES = 10;
const SLOW_MEBIBYTES = 4;

export async function runCells(scope: CleanupScope): Promise<CaseResult[]> {
  return await run(await startCells(scope), { can: () => true, mebibytes: LARGE_MEBIBYTES });
}

export async function runAioquic(scope: CleanupScope): Promise<CaseResult[]> {
  return await run(await startH3Cells(scope, "aioquic"), { can: () => true, mebibytes: SLOW_MEBIBYTES });
}

export async function runQuicGo(scope: CleanupScope): Promise<CaseResult[]> {
  return await run(await startH3Cells(scope, "quic-go"), { can: quicGoCan, mebibytes: LARGE_MEBIBYTES });
}

const TRAILERS = ["trailers", "grpc-unary", "grpc-streaming"];
const INTERIM_ANSWERS = ["100-continue", "103-early-hints"];

/** Its version has no trailers, and takes an answer 1xx for the last one. */
function quicGoCan({ name }: MatrixCase, cell: Cell): boolean {
  return !TRAILERS.includes(name) && !(cell.front === "h3" && INTERIM_ANSWERS.includes(name));
}

const CASES: readonly MatrixCase[] = [
  ...BODIES,
  ...STATUSES,
  ...INTERIM,
  ...GRPC,
  ...ABORTS,
  ...RESETS,
  REUSE,
  WEBSOCKET,
];

/** What the peers of a grid can do. */
interface Ability {
  readonly can: (each: MatrixCase, cell: Cell) => boolean;
  /** Of large bodies. */
  readonly mebibytes: number;
}

async function run({ gateway, cells }: Grid, { can, mebibytes }: Ability): Promise<CaseResult[]> {
  const those = (cases: readonly MatrixCase[]): MatrixCase[] =>
    cases.map((each) => ({ ...each, fits: (cell) => each.fits?.(cell) !== false && can(each, cell) }));
  const results = await runInCells(cells, those(CASES), LANES);
  // One after the other: the memory is that of the one worker, and a thousand at once are enough for the machine.
  const [worker = 0] = gateway.workers();
  results.push(...(await runInCells(cells, those(heldBack({ worker, mebibytes })), 1)));
  results.push(...(await runInCells(cells, those([MANY_AT_ONCE]), 1)));
  gateway.assertAlive();
  await gateway.stop();
  return results;
}
