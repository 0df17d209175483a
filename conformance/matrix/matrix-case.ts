/** A case that is played in every cell, and how a number of them is run. */
import type { CaseResult } from "../h1/gateway-probe.ts";
import { within } from "../../test/support/wait-for.ts";
import type { Cell } from "./cells.ts";

export interface MatrixCase {
  readonly name: string;
  /** Where it is played; default: in every cell. */
  readonly fits?: (cell: Cell) => boolean;
  /** Throws what failed. */
  readonly play: (cell: Cell) => Promise<void>;
}

/** Any of them is over in a fraction of this, on an idle machine. */
const CASE_TIMEOUT_MS = 20_000;

/** Of a problem, so that a failed case is one readable line. */
const PROBLEM_CHARACTERS = 300;

/** Cells at one time; within one, the cases follow each other. */
export async function runInCells(
  cells: readonly Cell[],
  cases: readonly MatrixCase[],
  lanes: number,
): Promise<CaseResult[]> {
  const results: CaseResult[][] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < cells.length; index = next++) {
      const cell = cells[index];
      if (cell !== undefined) results[index] = await playAll(cell, cases);
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
  return results.flat();
}

async function playAll(cell: Cell, cases: readonly MatrixCase[]): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const { name, play, fits } of cases) {
    if (fits?.(cell) === false) continue;
    results.push({ id: `${cell.name}/${name}`, problem: await problemOf(name, play(cell)) });
  }
  return results;
}

/** What went wrong in the work, or that it took too long; undefined when all is well. */
export async function problemOf(
  name: string,
  work: Promise<void>,
  timeoutMs = CASE_TIMEOUT_MS,
): Promise<string | undefined> {
  try {
    await within(name, timeoutMs, work);
    return undefined;
  } catch (error) {
    return String(error).replaceAll(/\s+/g, " ").slice(0, PROBLEM_CHARACTERS);
  }
}
