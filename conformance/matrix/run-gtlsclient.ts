/** The matrix with `gtlsclient` of ngtcp2 as the client over HTTP/3. The backend over HTTP/3 is aioquic. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { HOST } from "../../test/support/addresses.ts";
import { certificateFolder, writePrivate } from "../../test/support/certificates-files.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { H3_INTERNAL_ERROR } from "../peers/h3-stream.ts";
import { findTool, runTool } from "../tools.ts";
import { ended } from "./cases/exchange.ts";
import { type Cell, startFrontCells } from "./cells.ts";
import { Digest } from "./digest.ts";
import { type MatrixCase, runInCells } from "./matrix-case.ts";
import { CONTENT } from "./origin-answers.ts";

export const GTLSCLIENT = "gtlsclient";

const LANES = 3;
const RUN_TIMEOUT_MS = 15_000;
const MANY = 50;
const BODY = randomBytes(200_000);

interface Answer {
  /** What it says of HTTP: fields, and how streams end. */
  readonly http: string;
  /** The body of the answer. */
  readonly body: Buffer;
}

type Gtlsclient = (cell: Cell, path: string, ...flags: string[]) => Promise<Answer>;

export async function runGtlsclient(scope: CleanupScope): Promise<CaseResult[]> {
  const { gateway, cells } = await startFrontCells(scope, "aioquic");
  const folder = certificateFolder(scope);
  const file = writePrivate(folder, "body", BODY);
  const results = await runInCells(cells, casesOf(clientIn(folder), file), LANES);
  gateway.assertAlive();
  await gateway.stop();
  return results;
}

function clientIn(folder: string): Gtlsclient {
  return async ({ port }, path, ...flags) => {
    const into = mkdtempSync(join(folder, "answer-"));
    const own = ["--no-quic-dump", "--no-http-dump", "--exit-on-all-streams-close", `--download=${into}`];
    const url = `https://${HOST}:${port}${path}`;
    const args = [...own, "--sni=localhost", ...flags, HOST, String(port), url];
    const { code, output } = await runTool(findTool(GTLSCLIENT) ?? GTLSCLIENT, args, RUN_TIMEOUT_MS);
    assert.equal(code, 0, output.slice(-300));
    const lines = output.split("\n").filter((line) => /^(http:|HTTP stream)/.test(line));
    const answer = join(into, basename(path));
    return { http: lines.join("\n"), body: existsSync(answer) ? readFileSync(answer) : Buffer.alloc(0) };
  };
}

function casesOf(gtlsclient: Gtlsclient, file: string): readonly MatrixCase[] {
  return [...plainCases(gtlsclient), ...bodyCases(gtlsclient, file), ...lastCases(gtlsclient)];
}

function plainCases(gtlsclient: Gtlsclient): readonly MatrixCase[] {
  const status = (code: number): MatrixCase => ({
    name: `status-${code}`,
    play: async (cell) => {
      const { http } = await gtlsclient(cell, `/status/${code}`);
      assert.match(http, new RegExp(`\\[:status: ${code}\\][^]*\\[etag: "mark"\\]`));
    },
  });
  return [
    {
      name: "get",
      play: async (cell) => {
        const { http, body } = await gtlsclient(cell, "/content");
        assert.match(http, /\[:status: 200\]/);
        assert.equal(Digest.of(body), Digest.of(CONTENT));
      },
    },
    {
      name: "head",
      play: async (cell) => {
        const { http, body } = await gtlsclient(cell, "/content", "--http-method=HEAD");
        assert.match(http, new RegExp(`\\[:status: 200\\][^]*\\[content-length: ${CONTENT.length}\\]`));
        assert.equal(body.length, 0);
      },
    },
    status(204),
    status(304),
    status(404),
    {
      name: "103-early-hints",
      play: async (cell) => {
        const { http } = await gtlsclient(cell, "/hints");
        assert.match(http, /\[:status: 103\][^]*\[link: <\/style.css>; rel=preload\][^]*\[:status: 200\]/);
      },
    },
  ];
}

function bodyCases(gtlsclient: Gtlsclient, file: string): readonly MatrixCase[] {
  return [
    {
      name: "post-known-length",
      play: async (cell) => {
        const path = "/echo/gtlsclient";
        const { http, body } = await gtlsclient(cell, path, "--http-method=POST", `--data=${file}`);
        assert.match(http, /\[:status: 200\]/);
        assert.equal(Digest.of(body), Digest.of(BODY));
        const seen = await ended(cell, path);
        assert.deepEqual(
          [seen.body.toString(), seen.headers["content-length"]],
          [Digest.of(BODY), String(BODY.length)],
        );
      },
    },
    {
      name: "trailers",
      play: async (cell) => {
        const { http } = await gtlsclient(cell, "/trailers", "--http-method=POST", `--data=${file}`);
        assert.match(http, /\[:status: 200\][^]*trailers started[^]*\[x-sum: 42\]/);
      },
    },
  ];
}

function lastCases(gtlsclient: Gtlsclient): readonly MatrixCase[] {
  const content = (name: string, ...flags: string[]): MatrixCase => ({
    name,
    play: async (cell) => {
      const { body } = await gtlsclient(cell, "/content", ...flags);
      assert.equal(Digest.of(body), Digest.of(CONTENT));
    },
  });
  return [
    {
      name: "many-on-one-connection",
      play: async (cell) => {
        const { http } = await gtlsclient(cell, "/content/many", `--nstreams=${MANY}`);
        assert.equal(http.match(/\[:status: 200\]/g)?.length, MANY);
        assert.equal(http.match(/closed with error code 256/g)?.length, MANY);
      },
    },
    {
      name: "backend-abort",
      play: async (cell) => {
        const { http } = await gtlsclient(cell, "/cut/length");
        // The head may have been taken along by the reset.
        assert.match(http, new RegExp(`closed with error code ${H3_INTERNAL_ERROR}`));
      },
    },
    content("key-update", "--key-update=1ms"),
    content("loss", "--tx-loss=0.05", "--rx-loss=0.05"),
    content("chacha20", "--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305"),
  ];
}
