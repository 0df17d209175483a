/**
 * Bodies that one side does not read, or reads slowly: the sender on the other side is held back, the
 * gateway's memory stays as it was, and in the end everything arrives.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { rssBytes } from "../../../test/support/processes.ts";
import { pause, waitFor } from "../../../test/support/wait-for.ts";
import type { Ask, Call } from "../call.ts";
import type { Cell } from "../cells.ts";
import { type Client, connectTo } from "../client.ts";
import { Digest } from "../digest.ts";
import type { MatrixCase } from "../matrix-case.ts";

/** Exchanges at once. */
const CALLS = 4;

const MEBIBYTE = 1024 * 1024;

/** Far above what the kernel's buffers on the way may grow to, at both ends of two connections. */
const UNREAD = Buffer.alloc(48 * 1024 * 1024);

/**
 * 80 MiB go through, or far more would. What the gateway may hold of that per exchange: a window of HTTP/2
 * and a queue to send both ways, below 1 MiB each. The rest is what node:net and the worker's garbage
 * collector leave lying.
 */
const MAX_GROWTH_BYTES = 48 * 1024 * 1024;

/** Nothing has moved for so long: it is held back. */
const STILL_MS = 100;

export interface HeldBackOptions {
  /** Of the process whose memory is watched. */
  readonly worker: number;
  /** Of each body that goes both ways. */
  readonly mebibytes: number;
}

export function heldBack({ worker, mebibytes }: HeldBackOptions): readonly MatrixCase[] {
  const body = randomBytes(mebibytes * MEBIBYTE);
  const watched = (name: string, play: (client: Client, cell: Cell, check: () => void) => Promise<void>) => ({
    name,
    play: async (cell: Cell) => {
      const client = await connectTo(cell, CALLS);
      const before = rssBytes(worker);
      try {
        await play(client, cell, () => {
          const growth = rssBytes(worker) - before;
          assert.ok(growth < MAX_GROWTH_BYTES, `the gateway holds ${growth >> 20} MiB more`);
        });
      } finally {
        client.close();
      }
    },
  });
  return [
    watched(`${mebibytes}mib-both-ways-slow-reader`, (client, _cell, check) =>
      slowReader(client, body, check),
    ),
    watched("client-does-not-read", (client, cell, check) => deafClient(client, cell, check)),
    watched("backend-does-not-read", (client, _cell, check) => deafBackend(client, check)),
  ];
}

async function slowReader(client: Client, body: Buffer, check: () => void): Promise<void> {
  const headers = { "content-length": String(body.length) };
  const calls = openAll(client, { method: "POST", path: "/echo/slow", headers, body: true, stopped: true });
  for (const call of calls) call.end(body);
  await Promise.all(calls.map((call) => call.head()));
  await stillness(() => unsentOf(calls));
  check();
  for (const call of calls) call.readSlowly();
  await Promise.all(calls.map((call) => call.over()));
  const whole = Digest.of(body);
  for (const call of calls)
    assert.deepEqual([call.status, call.outcome, call.body.toString()], [200, "whole", whole]);
  check();
}

/** The backend would write for ever: that it stops is the gateway's doing. */
async function deafClient(client: Client, cell: Cell, check: () => void): Promise<void> {
  const path = "/endless/unread";
  const calls = openAll(client, { path, stopped: true });
  await Promise.all(calls.map((call) => call.head()));
  const requests = cell.origin.requests.filter((seen) => seen.path === path);
  assert.equal(requests.length, CALLS);
  await stillness(() => requests.reduce((sum, { written }) => sum + written, 0));
  check();
  for (const call of calls) call.abort();
}

async function deafBackend(client: Client, check: () => void): Promise<void> {
  const calls = openAll(client, { method: "POST", path: "/deaf", body: true });
  for (const call of calls) call.write(UNREAD);
  await stillness(() => unsentOf(calls));
  for (const call of calls)
    assert.ok(call.unsent > 0, `nothing is held back: ${call.status} ${call.outcome} ${call.cutBy}`);
  check();
  for (const call of calls) call.abort();
}

function openAll(client: Client, ask: Ask): Call[] {
  return Array.from({ length: CALLS }, () => client.open(ask));
}

function unsentOf(calls: readonly Call[]): number {
  return calls.reduce((sum, call) => sum + call.unsent, 0);
}

/** Waits until this number stays the same. */
async function stillness(count: () => number): Promise<void> {
  await waitFor("the senders to be held back", async () => {
    const was = count();
    await pause(STILL_MS);
    return count() === was;
  });
}
