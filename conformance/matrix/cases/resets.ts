/** What a backend's resets before an answer become at the client (RFC 9113 sections 7 and 8.7). */
import assert from "node:assert/strict";
import { constants } from "node:http2";
import type { MatrixCase } from "../matrix-case.ts";
import { BODY, exchange, withClient } from "./exchange.ts";

/** Whatever the code: no answer has begun, so the client gets one, and its connection goes on. */
const CODES = {
  internal: constants.NGHTTP2_INTERNAL_ERROR,
  refused: constants.NGHTTP2_REFUSED_STREAM,
  cancel: constants.NGHTTP2_CANCEL,
  calm: constants.NGHTTP2_ENHANCE_YOUR_CALM,
};

const before: readonly MatrixCase[] = Object.entries(CODES).map(([name, code]) => ({
  name: `reset-${name}`,
  play: (cell) =>
    withClient(cell, async (client) => {
      const path = `/refuse/${code}`;
      const answer = await exchange(client, { method: "POST", path }, BODY);
      assert.deepEqual([answer.status, answer.outcome], [502, "whole"]);
      // Only what the backend says that it has not processed is sent again.
      const refused = cell.back !== "h1" && code === constants.NGHTTP2_REFUSED_STREAM;
      if (!refused) assert.equal(cell.origin.count(path), 1);
      assert.equal((await exchange(client, { path: "/content/next" })).status, 200);
    }),
}));

const early: MatrixCase = {
  name: "reset-after-answer",
  play: (cell) =>
    withClient(cell, async (client) => {
      const call = client.open({ method: "POST", path: "/early", body: true });
      // No more than the backend has read before it answers: an RST of its would take the answer with it.
      call.write(BODY.subarray(0, 1000));
      await call.over();
      // NO_ERROR behind a whole answer takes nothing away from it.
      assert.deepEqual([call.status, call.text, call.outcome], [200, "early\n", "whole"]);
    }),
};

export const RESETS: readonly MatrixCase[] = [...before, early];
