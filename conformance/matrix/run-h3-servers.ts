/**
 * The matrix with `gtlsserver` and Caddy as backends over HTTP/3, behind each version of HTTP. The client
 * over HTTP/3 is aioquic.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { freePort } from "../../test/support/addresses.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import type { SecureSite } from "../../test/support/secure-listener.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { startCaddy } from "../peers/caddy-server.ts";
import { H3Clients } from "../peers/h3-client.ts";
import { startGtlsserver } from "../peers/ngtcp2-server.ts";
import { exchange } from "./cases/exchange.ts";
import { backendOf, listenerOf, siteOf, startGateway } from "./cells.ts";
import { type Client, connectTo, type Front, type Reach } from "./client.ts";
import { Digest } from "./digest.ts";
import { problemOf } from "./matrix-case.ts";
import { OriginNode } from "./origin-node.ts";

const LARGE = randomBytes(10 * 1024 * 1024);
const BODY = randomBytes(234_567);
const FILES = { large: LARGE, small: BODY };

const FRONTS: readonly Front[] = ["h1", "h2s", "h3"];

/** Streams at once on one connection to the backend: Caddy lets a hundred be. */
const AT_ONCE = 100;

interface ServerCase {
  readonly name: string;
  /** Default: behind every version. */
  readonly fits?: (reach: Reach) => boolean;
  readonly play: (client: Client, again: () => Promise<Client>) => Promise<void>;
}

export async function runGtlsserver(scope: CleanupScope): Promise<CaseResult[]> {
  const site = siteOf(scope);
  const address = await startGtlsserver(scope, site.paths, FILES);
  return await run(scope, { site, address, cases: [...casesOfFiles("/"), ...GTLSSERVER_CASES] });
}

export async function runCaddy(scope: CleanupScope): Promise<CaseResult[]> {
  const site = siteOf(scope);
  const echo = await OriginNode.start(scope, "h1", site.identity);
  const address = await startCaddy(scope, { certificate: site.paths, files: FILES, echo: echo.address });
  return await run(scope, { site, address, cases: [...casesOfFiles("/files/"), ...CADDY_CASES] });
}

interface Run {
  readonly site: SecureSite;
  /** Of the server. */
  readonly address: string;
  readonly cases: readonly ServerCase[];
}

async function run(scope: CleanupScope, { site, address, cases }: Run): Promise<CaseResult[]> {
  const h3 = new H3Clients(scope, "aioquic");
  const reaches: Reach[] = [];
  for (const front of FRONTS) reaches.push({ front, port: await freePort(), h3 });
  const backend = backendOf(site, "h3", address);
  const gateway = await startGateway(
    scope,
    reaches.map(({ front, port }) => listenerOf(site, { name: front, front, port, backend })),
  );
  const results: CaseResult[] = [];
  for (const reach of reaches) {
    for (const { name, fits, play } of cases) {
      if (fits?.(reach) === false) continue;
      const problem = await problemOf(name, withClient(reach, play));
      results.push({ id: `${reach.front}-h3/${name}`, problem });
    }
  }
  gateway.assertAlive();
  await gateway.stop();
  return results;
}

async function withClient(reach: Reach, play: ServerCase["play"]): Promise<void> {
  const client = await connectTo(reach);
  try {
    await play(client, () => connectTo(reach));
  } finally {
    client.close();
  }
}

/** Of any server of files. */
function casesOfFiles(folder: string): readonly ServerCase[] {
  const small = `${folder}small`;
  const large = `${folder}large`;
  return [
    { name: "get", play: (client) => gets(client, small, BODY) },
    {
      name: "head",
      play: async (client) => {
        for (let i = 0; i < 2; i++) {
          const answer = await exchange(client, { method: "HEAD", path: small });
          assert.deepEqual([answer.status, answer.outcome, answer.body.length], [200, "whole", 0]);
          assert.equal(answer.headers["content-length"], String(BODY.length));
        }
      },
    },
    {
      name: "status-404",
      play: async (client) => {
        const answer = await exchange(client, { path: `${folder}nothing` });
        assert.deepEqual([answer.status, answer.outcome], [404, "whole"]);
      },
    },
    {
      name: "10mib-slow-reader",
      play: async (client) => {
        const call = client.open({ path: large, stopped: true });
        await call.head();
        call.readSlowly();
        await call.over();
        assert.deepEqual([call.outcome, call.body.toString()], ["whole", Digest.of(LARGE)]);
      },
    },
    {
      name: "client-abort",
      play: async (client, again) => {
        const call = client.open({ path: large });
        await waitFor("a part of it", () => call.body.length > 0);
        call.abort();
        await call.over();
        const next = await again();
        try {
          await gets(next, small, BODY);
        } finally {
          next.close();
        }
      },
    },
    {
      name: "many-at-once",
      play: async (client) => {
        const calls = Array.from({ length: AT_ONCE }, () => client.open({ path: small }));
        await Promise.all(calls.map((call) => call.over()));
        for (const call of calls)
          assert.deepEqual([call.status, call.body.toString()], [200, Digest.of(BODY)]);
      },
    },
  ];
}

async function gets(client: Client, path: string, content: Buffer): Promise<void> {
  const answer = await exchange(client, { path });
  assert.deepEqual(
    [answer.status, answer.outcome, answer.body.toString()],
    [200, "whole", Digest.of(content)],
  );
  assert.equal(answer.headers["content-length"], String(content.length));
}

const KNOWN = { "content-length": String(BODY.length) };

/** What it makes of a request with a body is the same as without. */
const GTLSSERVER_CASES: readonly ServerCase[] = [
  {
    name: "trailers",
    // HTTP/1.1 has none behind a body whose length is known.
    fits: ({ front }) => front !== "h1",
    play: async (client) => {
      const answer = await exchange(client, { path: "/small", headers: { te: "trailers" } });
      assert.deepEqual([answer.status, answer.outcome], [200, "whole"]);
      assert.match(String(answer.trailers["x-ngtcp2-stream-id"]), /^\d+$/);
    },
  },
  {
    name: "post-known-length",
    play: async (client) => {
      const answer = await exchange(client, { method: "POST", path: "/small", headers: KNOWN }, BODY);
      assert.deepEqual([answer.status, answer.body.toString()], [200, Digest.of(BODY)]);
    },
  },
  {
    name: "post-streamed",
    play: async (client) => {
      const answer = await exchange(client, { method: "POST", path: "/small" }, LARGE);
      assert.deepEqual([answer.status, answer.body.toString()], [200, Digest.of(BODY)]);
    },
  },
];

/** It takes a request whose length nobody told for one without a body. */
const CADDY_CASES: readonly ServerCase[] = [
  {
    name: "status-204",
    play: async (client) => {
      const answer = await exchange(client, { path: "/none" });
      assert.deepEqual([answer.status, answer.outcome, answer.body.length], [204, "whole", 0]);
    },
  },
  {
    name: "status-304",
    play: async (client) => {
      const { headers } = await exchange(client, { path: "/files/small" });
      const fields = { "if-none-match": String(headers["etag"]) };
      const answer = await exchange(client, { path: "/files/small", headers: fields });
      assert.deepEqual([answer.status, answer.outcome, answer.body.length], [304, "whole", 0]);
    },
  },
  {
    name: "range",
    play: async (client) => {
      const headers = { range: "bytes=1000-1999" };
      const answer = await exchange(client, { path: "/files/small", headers });
      assert.deepEqual([answer.status, answer.body.toString()], [206, Digest.of(BODY.subarray(1000, 2000))]);
    },
  },
  {
    name: "post-known-length",
    play: async (client) => {
      const answer = await exchange(client, { method: "POST", path: "/echo/known", headers: KNOWN }, BODY);
      assert.deepEqual([answer.status, answer.body.toString()], [200, Digest.of(BODY)]);
      assert.equal(answer.headers["content-length"], String(BODY.length));
    },
  },
  {
    name: "post-10mib",
    play: async (client) => {
      const headers = { "content-length": String(LARGE.length) };
      const answer = await exchange(client, { method: "POST", path: "/echo/large", headers }, LARGE);
      assert.deepEqual(
        [answer.status, answer.outcome, answer.body.toString()],
        [200, "whole", Digest.of(LARGE)],
      );
    },
  },
];
