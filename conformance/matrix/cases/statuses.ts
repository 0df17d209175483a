/** Answers without a body, and one that says there is nothing (RFC 9110 section 6.4.1). */
import assert from "node:assert/strict";
import type { MatrixCase } from "../matrix-case.ts";
import { exchange, withClient } from "./exchange.ts";

function status(code: number, body: string): MatrixCase {
  return {
    name: `status-${code}`,
    play: (cell) =>
      withClient(cell, async (client) => {
        // Twice: octets behind the first would be taken for the second.
        for (let i = 0; i < 2; i++) {
          const answer = await exchange(client, { path: `/status/${code}` });
          assert.deepEqual([answer.status, answer.text, answer.outcome], [code, body, "whole"]);
          assert.equal(answer.headers["etag"], '"mark"');
        }
      }),
  };
}

export const STATUSES: readonly MatrixCase[] = [status(204, ""), status(304, ""), status(404, "none\n")];
