/** Cases of what ends otherwise: resets, stops and closes, with their codes, both ways. */
import assert from "node:assert/strict";
import { waitFor } from "../../test/support/wait-for.ts";
import type { RawConnection } from "../peers/raw-peer.ts";
import type { RawStream } from "../peers/raw-stream.ts";
import type { RawCase } from "./raw-case.ts";
import { acceptedOf, pairOf, type RawCell, type RawPair } from "./raw-cell.ts";

/** The least, one of HTTP/3, and the greatest that is passed as it is. */
const CODES = [0, 0x10c, Number.MAX_SAFE_INTEGER] as const;

/** One octet more would need a longer length in QUIC; letters of several octets. */
const REASONS = ["", "so long", "ä".repeat(128)] as const;

type Side = keyof RawPair;
const SIDES: readonly Side[] = ["client", "server"];

export const ENDINGS: readonly RawCase[] = [
  ...SIDES.flatMap((by): RawCase[] => [
    { name: `reset-by-${by}`, play: (cell) => resets(cell, by) },
    { name: `reset-at-once-by-${by}`, play: (cell) => resetsAtOnce(cell, by) },
    { name: `stop-by-${by}`, play: (cell) => stops(cell, by) },
    { name: `close-by-${by}`, play: (cell) => closes(cell, by) },
  ]),
  { name: "one-direction-reset", play: oneDirection },
];

/** Of streams that either side has opened, of both kinds. */
async function resets(cell: RawCell, by: Side): Promise<void> {
  const { from, to } = await sides(cell, by);
  for (const code of CODES) {
    for (const bidirectional of [true, false]) {
      const { here, there } = await joined(from, to, bidirectional);
      here.reset(code);
      await waitFor(`reset ${code}`, () => there.resetCode === code, {
        everyMs: 1,
        context: () => told(there),
      });
    }
    const { here, there } = await joined(to, from, true);
    there.reset(code);
    await waitFor(`reset ${code}`, () => here.resetCode === code, { everyMs: 1, context: () => told(here) });
  }
}

/** Without any octet before. */
async function resetsAtOnce(cell: RawCell, by: Side): Promise<void> {
  const { from, to } = await sides(cell, by);
  for (const bidirectional of [true, false]) {
    const index = to.accepted.length;
    from.open(bidirectional).reset(7);
    const there = await acceptedOf(to, index);
    await waitFor("a reset", () => there.resetCode === 7, { everyMs: 1, context: () => told(there) });
  }
}

async function stops(cell: RawCell, by: Side): Promise<void> {
  const { from, to } = await sides(cell, by);
  for (const code of CODES) {
    for (const bidirectional of [true, false]) {
      const { here, there } = await joined(to, from, bidirectional);
      there.stop(code);
      await waitFor(`stop ${code}`, () => here.stoppedCode === code, {
        everyMs: 1,
        context: () => told(here),
      });
    }
    const { here, there } = await joined(from, to, true);
    here.stop(code);
    await waitFor(`stop ${code}`, () => there.stoppedCode === code, {
      everyMs: 1,
      context: () => told(there),
    });
  }
}

/** The other direction goes on. */
async function oneDirection(cell: RawCell): Promise<void> {
  const { from, to } = await sides(cell, "client");
  const { here, there } = await joined(from, to, true);
  here.reset(1);
  await waitFor("a reset", () => there.resetCode === 1, { everyMs: 1 });
  there.end("still here");
  await waitFor("what goes back", () => here.ended, { everyMs: 1, context: () => told(here) });
  assert.equal(here.bytes.toString(), "still here");
  assert.deepEqual([here.resetCode, here.stoppedCode], [undefined, undefined]);
}

async function closes(cell: RawCell, by: Side): Promise<void> {
  for (const code of CODES) {
    for (const reason of REASONS) {
      const { from, to } = await sides(cell, by);
      await joined(from, to, true);
      from.close(code, reason);
      const closed = await waitFor("the close", () => to.closed, { everyMs: 1 });
      assert.deepEqual(closed, { application: true, code, reason });
    }
  }
}

async function sides(cell: RawCell, by: Side): Promise<{ from: RawConnection; to: RawConnection }> {
  const { client, server } = await pairOf(cell, { serve: () => {} });
  return by === "client" ? { from: client, to: server } : { from: server, to: client };
}

/** A stream that `opener` has opened, on both connections. */
async function joined(
  opener: RawConnection,
  other: RawConnection,
  bidirectional: boolean,
): Promise<{ here: RawStream; there: RawStream }> {
  const index = other.accepted.length;
  const here = opener.open(bidirectional);
  here.write("hello");
  const there = await acceptedOf(other, index);
  await waitFor("the octets before", () => there.octets === 5, { everyMs: 1 });
  return { here, there };
}

function told({ id, octets, ended, resetCode, stoppedCode }: RawStream): string {
  return JSON.stringify({ id, octets, ended, resetCode, stoppedCode });
}
