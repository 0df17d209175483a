/** The matrix with nghttp as the client of HTTP/2, and with h2load as a thousand clients of either version. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { HOST } from "../../test/support/addresses.ts";
import { certificateFolder, writePrivate } from "../../test/support/certificates-files.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { findTool, runTool } from "../tools.ts";
import { ended } from "./cases/exchange.ts";
import { type Cell, MANY, startCells } from "./cells.ts";
import { Digest } from "./digest.ts";
import { type MatrixCase, runInCells } from "./matrix-case.ts";
import { CONTENT } from "./origin-answers.ts";

export const NGHTTP = "nghttp";
export const H2LOAD = "h2load";

const LANES = 4;
const RUN_TIMEOUT_MS = 15_000;

/** h2load's connections of HTTP/2, and the streams on each: the gateway lets 256 be. */
const SESSIONS = 4;

export async function runNghttp(scope: CleanupScope): Promise<CaseResult[]> {
  const { gateway, cells } = await startCells(scope, ["h1", "h2"]);
  const file = writePrivate(certificateFolder(scope), "body", BODY);
  const h2 = cells.filter(({ front }) => front.startsWith("h2"));
  const results = await runInCells(h2, [...CASES, ...bodyCases(file)], LANES);
  gateway.assertAlive();
  await gateway.stop();
  return results;
}

export async function runH2load(scope: CleanupScope): Promise<CaseResult[]> {
  const { gateway, cells } = await startCells(scope, ["h1", "h2"]);
  const results = await runInCells(cells, [CROWD], 1);
  gateway.assertAlive();
  await gateway.stop();
  return results;
}

const BODY = randomBytes(200_000);

async function nghttp(cell: Cell, path: string, ...flags: string[]): Promise<string> {
  const args = ["--no-verify-peer", ...flags, urlOf(cell, path)];
  const { code, output } = await runTool(findTool(NGHTTP) ?? NGHTTP, args, RUN_TIMEOUT_MS);
  assert.equal(code, 0, output.slice(-200));
  return output;
}

function urlOf({ front, port }: Cell, path: string): string {
  return `${front.endsWith("s") ? "https" : "http"}://${HOST}:${port}${path}`;
}

const CASES: readonly MatrixCase[] = [
  {
    name: "get",
    play: async (cell) => {
      const output = await nghttp(cell, "/content");
      assert.equal(Digest.of(Buffer.from(output, "latin1")), Digest.of(CONTENT));
    },
  },
  {
    name: "head",
    play: async (cell) => {
      const output = await nghttp(cell, "/content", "-v", "-H", ":method: HEAD");
      assert.match(output, /:status: 200/);
      assert.match(output, new RegExp(`content-length: ${CONTENT.length}`));
      assert.doesNotMatch(output, /recv [^\n]*DATA frame <length=[1-9]/);
    },
  },
  {
    name: "103-early-hints",
    play: async (cell) => {
      assert.match(
        await nghttp(cell, "/hints", "-v", "-n"),
        /:status: 103.*link: <\/style.css>.*:status: 200/s,
      );
    },
  },
  {
    name: "backend-abort",
    play: async (cell) => {
      const output = await nghttp(cell, "/cut/length", "-v", "-n");
      assert.match(output, /recv [^\n]*RST_STREAM frame[^\n]*\n[^\n]*error_code=INTERNAL_ERROR/);
    },
  },
  {
    name: "many-on-one-connection",
    play: async (cell) => {
      const output = await nghttp(cell, "/content/many", "-n", "-s", "-m", "50");
      assert.equal(output.match(/ 200 .*\/content\/many/g)?.length, 50);
    },
  },
];

function bodyCases(file: string): readonly MatrixCase[] {
  const echoed = (name: string, ...flags: string[]): MatrixCase => ({
    name,
    play: async (cell) => {
      const path = `/echo/${name}`;
      const output = await nghttp(cell, path, "-d", file, ...flags);
      assert.equal(Digest.of(Buffer.from(output, "latin1")), Digest.of(BODY));
      assert.equal((await ended(cell, path)).body.toString(), Digest.of(BODY));
    },
  });
  return [
    echoed("post-known-length"),
    echoed("post-streamed", "--no-content-length"),
    echoed("post-padded", "--padding=200"),
    {
      name: "100-continue",
      play: async (cell) => {
        const path = "/content/expect";
        const output = await nghttp(cell, path, "-v", "-n", "-d", file, "--expect-continue");
        assert.match(output, /:status: 100.*send DATA frame.*:status: 200/s);
        assert.equal((await ended(cell, path)).body.toString(), Digest.of(BODY));
      },
    },
    {
      name: "trailers",
      play: async (cell) => {
        const output = await nghttp(
          cell,
          "/trailers",
          "-v",
          "-n",
          "--no-content-length",
          "-d",
          file,
          "--trailer",
          "x-up: 9",
        );
        assert.match(output, /recv [^\n]*x-sum: 42/);
        const seen = await ended(cell, "/trailers");
        assert.deepEqual([seen.trailers["x-up"], seen.body.toString()], ["9", Digest.of(BODY)]);
      },
    },
  ];
}

/** None is answered before all are there. */
const CROWD: MatrixCase = {
  name: "1000-concurrent",
  play: async (cell) => {
    cell.origin.crowd.expected = MANY;
    const flags = cell.front.startsWith("h2")
      ? ["-c", `${SESSIONS}`, "-m", `${MANY / SESSIONS}`]
      : ["--h1", "-c", `${MANY}`];
    const args = ["-n", `${MANY}`, ...flags, urlOf(cell, "/crowd")];
    const { code, output } = await runTool(findTool(H2LOAD) ?? H2LOAD, args, RUN_TIMEOUT_MS);
    assert.equal(code, 0, output.slice(-200));
    assert.match(output, new RegExp(`\\b${MANY} succeeded, 0 failed, 0 errored, 0 timeout`));
    assert.match(output, new RegExp(`status codes: ${MANY} 2xx`));
  },
};
