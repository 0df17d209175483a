/** Requests and answers with bodies and without, whose octets and lengths must be the same on both sides (RFC 9110 section 8.6). */
import assert from "node:assert/strict";
import { Digest } from "../digest.ts";
import type { MatrixCase } from "../matrix-case.ts";
import { CONTENT } from "../origin-answers.ts";
import { BODY, ended, exchange, withClient } from "./exchange.ts";

const get: MatrixCase = {
  name: "get",
  play: (cell) =>
    withClient(cell, async (client) => {
      const answer = await exchange(client, { path: "/content?q=%20&r" });
      assert.deepEqual([answer.status, answer.outcome], [200, "whole"]);
      assert.equal(answer.headers["content-length"], String(CONTENT.length));
      assert.equal(answer.headers["x-answer"], "content");
      assert.equal(answer.body.toString(), Digest.of(CONTENT));
      const seen = await ended(cell, "/content?q=%20&r");
      assert.deepEqual([seen.method, seen.whole, seen.body.length], ["GET", true, 0]);
      assert.equal(seen.headers["content-length"], undefined);
    }),
};

const head: MatrixCase = {
  name: "head",
  play: (cell) =>
    withClient(cell, async (client) => {
      // Twice: octets behind the first would be taken for the second.
      for (let i = 0; i < 2; i++) {
        const answer = await exchange(client, { method: "HEAD", path: "/content" });
        assert.deepEqual([answer.status, answer.outcome, answer.body.length], [200, "whole", 0]);
        assert.equal(answer.headers["content-length"], String(CONTENT.length));
      }
      assert.equal((await ended(cell, "/content")).method, "HEAD");
    }),
};

const postKnown: MatrixCase = {
  name: "post-known-length",
  play: (cell) =>
    withClient(cell, async (client) => {
      const headers = { "content-length": String(BODY.length) };
      const answer = await exchange(client, { method: "POST", path: "/echo/known", headers }, BODY);
      assert.deepEqual([answer.status, answer.outcome], [200, "whole"]);
      assert.equal(answer.body.toString(), Digest.of(BODY));
      assert.equal(answer.headers["content-length"], String(BODY.length));
      const seen = await ended(cell, "/echo/known");
      assert.equal(seen.headers["content-length"], String(BODY.length));
      assert.equal(seen.headers["transfer-encoding"], undefined);
      assert.equal(seen.body.toString(), Digest.of(BODY));
    }),
};

const postStreamed: MatrixCase = {
  name: "post-streamed",
  play: (cell) =>
    withClient(cell, async (client) => {
      const call = client.open({ method: "POST", path: "/echo/streamed", body: true });
      // What has been sent comes back before the rest is sent: nobody waits for the whole.
      call.write(BODY.subarray(0, 1000));
      await call.head();
      assert.equal(call.headers["content-length"], undefined);
      call.write(BODY.subarray(1000, 70_000));
      call.end(BODY.subarray(70_000));
      await call.over();
      assert.deepEqual([call.status, call.outcome, call.body.toString()], [200, "whole", Digest.of(BODY)]);
      const seen = await ended(cell, "/echo/streamed");
      assert.equal(seen.headers["content-length"], undefined);
      assert.equal(seen.headers["transfer-encoding"], cell.back === "h1" ? "chunked" : undefined);
    }),
};

const postEmpty: MatrixCase = {
  name: "post-empty",
  play: (cell) =>
    withClient(cell, async (client) => {
      const headers = { "content-length": "0" };
      const answer = await exchange(client, { method: "POST", path: "/echo/empty", headers });
      assert.deepEqual([answer.status, answer.outcome, answer.body.length], [200, "whole", 0]);
      const seen = await ended(cell, "/echo/empty");
      assert.deepEqual([seen.method, seen.body.length, seen.whole], ["POST", 0, true]);
    }),
};

export const BODIES: readonly MatrixCase[] = [get, head, postKnown, postStreamed, postEmpty];
