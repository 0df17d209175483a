/** Either side leaves before an exchange is over: the other learns of it, and never takes a part for the whole. */
import assert from "node:assert/strict";
import { constants } from "node:http2";
import { codeOfH3 } from "../../peers/h3-stream.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import type { Cell } from "../cells.ts";
import type { MatrixCase } from "../matrix-case.ts";
import { PROMISED } from "../origin-answers.ts";
import { arrived, BODY, ended, exchange, withClient } from "./exchange.ts";

/** A code of HTTP/2, or what stands for it in HTTP/3. */
function codeIn(side: string, code: number): number {
  return side === "h3" ? codeOfH3(code) : code;
}

/** The client leaves, and the backend hears of that: by a reset of the stream, or by the end of its connection. */
async function left(cell: Cell, path: string): Promise<void> {
  const seen = await ended(cell, path);
  assert.equal(seen.end, "cut");
  if (cell.back !== "h1") assert.equal(seen.resetCode, codeIn(cell.back, constants.NGHTTP2_CANCEL));
}

const clientInRequest: MatrixCase = {
  name: "client-abort-in-request",
  play: (cell) =>
    withClient(cell, async (client) => {
      const headers = { "content-length": String(BODY.length) };
      const call = client.open({ method: "POST", path: "/hang/request", headers, body: true });
      call.write(BODY.subarray(0, 5000));
      const seen = await arrived(cell, "/hang/request");
      await waitFor("a part of the body", () => seen.body.length > 0);
      call.abort();
      await left(cell, "/hang/request");
      assert.equal(seen.whole, false);
    }),
};

const clientBeforeAnswer: MatrixCase = {
  name: "client-abort-before-answer",
  play: (cell) =>
    withClient(cell, async (client) => {
      const call = client.open({ path: "/hang/answer" });
      await arrived(cell, "/hang/answer");
      call.abort();
      await left(cell, "/hang/answer");
    }),
};

const clientInAnswer: MatrixCase = {
  name: "client-abort-in-answer",
  play: (cell) =>
    withClient(cell, async (client) => {
      const call = client.open({ path: "/endless" });
      await waitFor("a part of the answer", () => call.body.length > 500_000);
      call.abort();
      await left(cell, "/endless");
    }),
};

function backendAbort(how: string): MatrixCase {
  return {
    name: `backend-abort-${how}`,
    play: (cell) =>
      withClient(cell, async (client) => {
        const answer = await exchange(client, { path: `/cut/${how}` });
        assert.equal(answer.outcome, "cut");
        // A reset of QUIC takes with it what has not been sent before it (RFC 9000 section 3.1).
        if (cell.front !== "h3" || answer.status !== 0) assert.equal(answer.status, 200);
        assert.ok(answer.body.length < PROMISED);
        if (cell.front !== "h1" && cell.front !== "h1s")
          assert.equal(answer.cutBy, codeIn(cell.front, constants.NGHTTP2_INTERNAL_ERROR));
        // A connection of HTTP/2 or HTTP/3 goes on without the stream.
        const next = await exchange(client, { path: "/content/next" });
        assert.deepEqual([next.status, next.outcome], [200, "whole"]);
      }),
  };
}

export const ABORTS: readonly MatrixCase[] = [
  clientInRequest,
  clientBeforeAnswer,
  clientInAnswer,
  backendAbort("length"),
  backendAbort("streamed"),
  backendAbort("lost"),
];
