/** The matrix with curl as the client, over all four ways in. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HOST } from "../../test/support/addresses.ts";
import { certificateFolder, writePrivate } from "../../test/support/certificates-files.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { findTool, runTool } from "../tools.ts";
import { ended } from "./cases/exchange.ts";
import { type Cell, type Grid, startBackCells, startCells } from "./cells.ts";
import type { Front } from "./client.ts";
import { Digest } from "./digest.ts";
import { type MatrixCase, runInCells } from "./matrix-case.ts";
import { CONTENT } from "./origin-answers.ts";

export const CURL = "curl";

const LANES = 4;
const RUN_TIMEOUT_MS = 15_000;

/** Debian's has no HTTP/3. */
const FLAGS: Readonly<Record<Exclude<Front, "h3">, readonly string[]>> = {
  h1: ["--http1.1"],
  h1s: ["--http1.1", "--insecure"],
  h2: ["--http2-prior-knowledge"],
  h2s: ["--http2", "--insecure"],
};

interface Answer {
  /** Exit code of curl. */
  readonly exit: number | null;
  readonly status: number;
  /** As curl says it: `1.1` or `2`. */
  readonly version: string;
  /** Connections that it opened for the last of its requests. */
  readonly opened: number;
  /** All heads, and trailers. */
  readonly heads: string;
  readonly body: Digest;
}

/** Files that it reads and writes instead of its own. */
interface Files {
  readonly stdin?: string;
  readonly out?: string;
}

type Curl = (cell: Cell, path: string, flags?: readonly string[], files?: Files) => Promise<Answer>;

export async function runCurl(scope: CleanupScope): Promise<CaseResult[]> {
  return await run(scope, await startCells(scope, ["h1", "h2"]));
}

/** Before a backend of aioquic over HTTP/3. */
export async function runCurlToH3(scope: CleanupScope): Promise<CaseResult[]> {
  return await run(scope, await startBackCells(scope, "aioquic"));
}

async function run(scope: CleanupScope, { gateway, cells }: Grid): Promise<CaseResult[]> {
  const results = await runInCells(cells, casesOf(scope), LANES);
  gateway.assertAlive();
  await gateway.stop();
  return results;
}

function curlIn(folder: string): Curl {
  return async (cell, path, flags = [], { stdin = "/dev/null", ...files } = {}) => {
    const heads = join(folder, `${cell.name}.heads`);
    const own = writePrivate(folder, `${cell.name}.out`, "");
    const out = files.out ?? own;
    const scheme = cell.front.endsWith("s") ? "https" : "http";
    const written = ["-D", heads, "-o", out, "-w", "\n%{http_code} %{http_version} %{num_connects}"];
    const url = `${scheme}://${HOST}:${cell.port}${path}`;
    assert.ok(cell.front !== "h3");
    const args = ["-s", ...FLAGS[cell.front], ...written, ...flags, url];
    const shell = [
      "-c",
      'exec "$0" "$@" < "$STDIN"'.replace("$STDIN", stdin),
      findTool(CURL) ?? CURL,
      ...args,
    ];
    const { code, output } = await runTool("/bin/sh", shell, RUN_TIMEOUT_MS);
    const [status = "", version = "", opened = ""] = (output.split("\n").at(-1) ?? "").split(" ");
    const body = new Digest();
    body.add(readFileSync(own));
    const text = readFileSync(heads, "latin1");
    return { exit: code, status: Number(status), version, opened: Number(opened), heads: text, body };
  };
}

function casesOf(scope: CleanupScope): readonly MatrixCase[] {
  const folder = certificateFolder(scope);
  const content = randomBytes(200_000);
  const large = randomBytes(10 * 1024 * 1024);
  const file = writePrivate(folder, "body", content);
  const largeFile = writePrivate(folder, "large", large);
  const curl = curlIn(folder);
  return [...plainCases(curl), ...bodyCases(curl, file, content), ...lastCases(curl, largeFile, large)];
}

function plainCases(curl: Curl): MatrixCase[] {
  return [
    {
      name: "get",
      play: async (cell) => {
        const answer = await curl(cell, "/content");
        const version = cell.front.startsWith("h2") ? "2" : "1.1";
        assert.deepEqual([answer.exit, answer.status, answer.version], [0, 200, version]);
        assert.equal(answer.body.toString(), Digest.of(CONTENT));
      },
    },
    {
      name: "head",
      play: async (cell) => {
        const { exit, status, heads } = await curl(cell, "/content", ["--head"]);
        assert.deepEqual([exit, status], [0, 200]);
        assert.match(heads, new RegExp(`^content-length: ${CONTENT.length}\r$`, "im"));
      },
    },
    {
      name: "103-early-hints",
      play: async (cell) => {
        const { exit, status, heads } = await curl(cell, "/hints");
        assert.deepEqual([exit, status], [0, 200]);
        assert.match(heads, /^HTTP\/[\d.]+ 103.*^link: <\/style.css>.*^HTTP\/[\d.]+ 200/ims);
      },
    },
    {
      name: "keep-alive-reuse",
      // Before its release 8.0.0 curl can not use a connection of prior knowledge twice.
      fits: ({ front }) => front !== "h2",
      play: async (cell) => {
        const scheme = cell.front.endsWith("s") ? "https" : "http";
        const first = `${scheme}://${HOST}:${cell.port}/content`;
        const answer = await curl(cell, "/hints", ["-o", "/dev/null", first]);
        assert.deepEqual([answer.exit, answer.opened], [0, 0]);
      },
    },
  ];
}

function bodyCases(curl: Curl, file: string, content: Buffer): MatrixCase[] {
  const echoed = async (cell: Cell, path: string, answer: Answer): Promise<void> => {
    assert.deepEqual([answer.exit, answer.status], [0, 200]);
    assert.equal(answer.body.toString(), Digest.of(content));
    assert.equal((await ended(cell, path)).body.toString(), Digest.of(content));
  };
  return [
    {
      name: "post-known-length",
      play: async (cell) => {
        await echoed(cell, "/echo/known", await curl(cell, "/echo/known", ["--data-binary", `@${file}`]));
        assert.equal(cell.origin.last("/echo/known")?.headers["content-length"], `${content.length}`);
      },
    },
    {
      name: "put-streamed",
      play: async (cell) => {
        await echoed(
          cell,
          "/echo/streamed",
          await curl(cell, "/echo/streamed", ["-T", "-"], { stdin: file }),
        );
        assert.equal(cell.origin.last("/echo/streamed")?.headers["content-length"], undefined);
      },
    },
    {
      name: "100-continue",
      play: async (cell) => {
        const flags = [
          "-H",
          "Expect: 100-continue",
          "--expect100-timeout",
          "10",
          "--data-binary",
          `@${file}`,
        ];
        const answer = await curl(cell, "/echo/expect", flags);
        await echoed(cell, "/echo/expect", answer);
        assert.match(answer.heads, /^HTTP\/[\d.]+ 100.*^HTTP\/[\d.]+ 200/ms);
      },
    },
    {
      name: "trailers",
      play: async (cell) => {
        const answer = await curl(cell, "/trailers", ["-H", "TE: trailers", "--data-binary", `@${file}`]);
        assert.deepEqual([answer.exit, answer.status], [0, 200]);
        assert.match(answer.heads, /\r\n\r\n.*^x-sum: 42\r$/ims);
      },
    },
  ];
}

function lastCases(curl: Curl, largeFile: string, large: Buffer): MatrixCase[] {
  const cut = (how: string): MatrixCase => ({
    name: `backend-abort-${how}`,
    play: async (cell) => {
      const { exit } = await curl(cell, `/cut/${how}`);
      // 18: a part of it, 56: the connection was reset, 92: the stream was.
      assert.ok([18, 56, 92].includes(exit ?? 0), `exit code ${exit}`);
    },
  });
  return [
    cut("length"),
    cut("streamed"),
    {
      name: "backend-reset",
      play: async (cell) => {
        const { exit, status } = await curl(cell, "/refuse/2");
        assert.deepEqual([exit, status], [0, 502]);
      },
    },
    {
      name: "client-abort",
      play: async (cell) => {
        // It leaves as soon as it can not write what comes.
        const { exit } = await curl(cell, "/endless/curl", [], { out: "/dev/full" });
        assert.equal(exit, 23);
        assert.equal((await ended(cell, "/endless/curl")).end, "cut");
      },
    },
    {
      name: "10mib-both-ways-slow-reader",
      play: async (cell) => {
        const flags = ["--limit-rate", "25M", "-H", "Expect:", "--data-binary", `@${largeFile}`];
        const answer = await curl(cell, "/echo/large", flags);
        assert.deepEqual([answer.exit, answer.status], [0, 200]);
        assert.equal(answer.body.toString(), Digest.of(large));
      },
    },
  ];
}
