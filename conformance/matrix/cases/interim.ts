/** What comes before a head and behind a body: 100, 103 (RFC 9110 section 15.2, RFC 8297) and trailers (RFC 9110 section 6.5). */
import assert from "node:assert/strict";
import type { Fields } from "../call.ts";
import { Digest } from "../digest.ts";
import type { MatrixCase } from "../matrix-case.ts";
import { BODY, ended, exchange, withClient, writeInParts } from "./exchange.ts";

const EXPECT = { expect: "100-continue", "content-length": String(BODY.length) };

const wanted: MatrixCase = {
  name: "100-continue",
  play: (cell) =>
    withClient(cell, async (client) => {
      const call = client.open({ method: "POST", path: "/echo/expect", headers: EXPECT, body: true });
      await call.continued();
      assert.equal(cell.origin.last("/echo/expect")?.headers["expect"], "100-continue");
      writeInParts(call, BODY);
      await call.over();
      assert.deepEqual([call.status, call.body.toString()], [200, Digest.of(BODY)]);
      assert.deepEqual(call.informational, [100]);
      assert.equal((await ended(cell, "/echo/expect")).body.toString(), Digest.of(BODY));
    }),
};

const unwanted: MatrixCase = {
  name: "100-continue-refused",
  play: (cell) =>
    withClient(cell, async (client) => {
      const call = client.open({ method: "POST", path: "/unwanted", headers: EXPECT, body: true });
      await call.head();
      assert.deepEqual([call.status, call.informational], [413, []]);
      assert.equal(cell.origin.last("/unwanted")?.body.length, 0);
    }),
};

const hints: MatrixCase = {
  name: "103-early-hints",
  play: (cell) =>
    withClient(cell, async (client) => {
      const answer = await exchange(client, { path: "/hints" });
      assert.deepEqual([answer.informational, answer.hint], [[103], "</style.css>; rel=preload"]);
      assert.deepEqual([answer.status, answer.text, answer.outcome], [200, "hinted\n", "whole"]);
      assert.equal(answer.headers["link"], undefined);
    }),
};

const trailers: MatrixCase = {
  name: "trailers",
  play: (cell) =>
    withClient(cell, async (client) => {
      const ask = {
        method: "POST",
        path: "/trailers",
        headers: { te: "trailers" },
        trailers: { "x-up": "9", "x-more": "so" },
      };
      const answer = await exchange(client, ask, BODY);
      assert.deepEqual([answer.status, answer.outcome, answer.text], [200, "whole", "body, then trailers\n"]);
      assert.deepEqual(pairs(answer.trailers), ["x-end: yes", "x-sum: 42"]);
      const seen = await ended(cell, "/trailers");
      assert.equal(seen.body.toString(), Digest.of(BODY));
      assert.deepEqual(pairs(seen.trailers), ["x-more: so", "x-up: 9"]);
    }),
};

function pairs(fields: Fields): string[] {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${String(value)}`)
    .toSorted();
}

export const INTERIM: readonly MatrixCase[] = [wanted, unwanted, hints, trailers];
