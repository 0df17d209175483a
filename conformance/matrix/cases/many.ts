/** A thousand requests at once: over HTTP/1.1 on as many connections, over HTTP/2 on four and over HTTP/3 on ten, none of which is answered before all are there. */
import assert from "node:assert/strict";
import { type Cell, MANY } from "../cells.ts";
import { type Client, connectTo } from "../client.ts";
import type { MatrixCase } from "../matrix-case.ts";

/** The gateway lets 256 streams be on a connection of HTTP/2, and 128 on one of HTTP/3. */
const SESSIONS_H2 = 4;
const SESSIONS_H3 = 10;

export const MANY_AT_ONCE: MatrixCase = {
  name: "1000-concurrent",
  play: async (cell) => {
    const clients = await connectAll(cell);
    try {
      cell.origin.crowd.expected = MANY;
      const calls = clients.flatMap((client) =>
        Array.from({ length: MANY / clients.length }, () => client.open({ path: "/crowd" })),
      );
      assert.equal(calls.length, MANY);
      await Promise.all(calls.map((call) => call.over()));
      for (const { status, text, outcome } of calls)
        assert.deepEqual([status, text, outcome], [200, "together\n", "whole"]);
      assert.equal(cell.origin.crowd.size, 0);
    } finally {
      for (const client of clients) client.close();
    }
  },
};

async function connectAll(cell: Cell): Promise<Client[]> {
  const { front } = cell;
  if (front === "h1" || front === "h1s") return [await connectTo(cell, MANY)];
  const sessions = front === "h3" ? SESSIONS_H3 : SESSIONS_H2;
  return await Promise.all(Array.from({ length: sessions }, () => connectTo(cell)));
}
