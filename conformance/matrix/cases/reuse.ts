/** Connections are kept on both sides (RFC 9112 section 9.3): one of the client's serves all its requests, and one to the backend. */
import assert from "node:assert/strict";
import type { MatrixCase } from "../matrix-case.ts";
import { BODY, exchange, withClient } from "./exchange.ts";

const ROUNDS = 20;

export const REUSE: MatrixCase = {
  name: "keep-alive-reuse",
  play: (cell) =>
    withClient(cell, async (client) => {
      assert.equal((await exchange(client, { path: "/content" })).status, 200);
      const before = cell.origin.connections;
      for (let i = 0; i < ROUNDS; i++) {
        const answer =
          i % 2 === 0
            ? await exchange(client, { path: `/content/${i}` })
            : await exchange(client, { method: "POST", path: `/content/${i}` }, BODY);
        assert.deepEqual([answer.status, answer.outcome], [200, "whole"]);
      }
      assert.equal(cell.origin.connections, before);
      assert.equal(client.connections, 1);
    }),
};
