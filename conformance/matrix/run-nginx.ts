/** The matrix with nginx as the backend, over HTTP/1.1 and HTTP/2, and all ways in. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { freePort, HOST } from "../../test/support/addresses.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { exchange } from "./cases/exchange.ts";
import { listenerOf, siteOf, startGateway } from "./cells.ts";
import { H3Clients } from "../peers/h3-client.ts";
import { type Client, connectTo, type Front, FRONTS, type Reach } from "./client.ts";
import { Digest } from "./digest.ts";
import { problemOf } from "./matrix-case.ts";
import { NginxBackend } from "./nginx-backend.ts";

const LARGE = randomBytes(10 * 1024 * 1024);
const BODY = randomBytes(234_567);

interface NginxCell extends Reach {
  readonly name: string;
  readonly backend: { readonly address: string; readonly protocol: "h1" | "h2" };
}

interface NginxCase {
  readonly name: string;
  readonly play: (client: Client, nginx: NginxBackend, cell: NginxCell) => Promise<void>;
}

export async function runNginx(scope: CleanupScope): Promise<CaseResult[]> {
  return await run(scope, FRONTS);
}

/** Behind a client of aioquic over HTTP/3. */
export async function runNginxFromH3(scope: CleanupScope): Promise<CaseResult[]> {
  return await run(scope, ["h3"], new H3Clients(scope, "aioquic"));
}

async function run(scope: CleanupScope, fronts: readonly Front[], h3?: H3Clients): Promise<CaseResult[]> {
  const nginx = await NginxBackend.start(scope, { large: LARGE, small: BODY });
  const site = siteOf(scope);
  const cells: NginxCell[] = [];
  for (const front of fronts) {
    for (const protocol of ["h1", "h2"] as const) {
      const address = `${HOST}:${protocol === "h1" ? nginx.h1Port : nginx.h2Port}`;
      const port = await freePort();
      cells.push({ name: `${front}-${protocol}`, front, port, h3, backend: { address, protocol } });
    }
  }
  const gateway = await startGateway(
    scope,
    cells.map((cell) => listenerOf(site, cell)),
  );
  const results: CaseResult[] = [];
  for (const cell of cells) {
    for (const { name, play } of CASES) {
      const client = await connectTo(cell);
      results.push({ id: `${cell.name}/${name}`, problem: await problemOf(name, play(client, nginx, cell)) });
      client.close();
    }
  }
  gateway.assertAlive();
  await gateway.stop();
  return results;
}

const CASES: readonly NginxCase[] = [
  {
    name: "get",
    play: async (client) => {
      const answer = await exchange(client, { path: "/small" });
      assert.deepEqual(
        [answer.status, answer.outcome, answer.body.toString()],
        [200, "whole", Digest.of(BODY)],
      );
      assert.equal(answer.headers["content-length"], `${BODY.length}`);
      assert.match(String(answer.headers["server"]), /^nginx/);
    },
  },
  {
    name: "head",
    play: async (client) => {
      const answer = await exchange(client, { method: "HEAD", path: "/small" });
      assert.deepEqual([answer.status, answer.outcome, answer.body.length], [200, "whole", 0]);
      assert.equal(answer.headers["content-length"], `${BODY.length}`);
    },
  },
  {
    name: "range",
    play: async (client) => {
      const answer = await exchange(client, { path: "/small", headers: { range: "bytes=1000-1999" } });
      assert.deepEqual([answer.status, answer.body.toString()], [206, Digest.of(BODY.subarray(1000, 2000))]);
    },
  },
  {
    name: "put-known-length",
    play: (client, nginx, { name }) =>
      put(client, nginx, `known-${name}`, { "content-length": `${BODY.length}` }),
  },
  {
    name: "put-streamed",
    play: (client, nginx, { name }) => put(client, nginx, `streamed-${name}`, {}),
  },
  {
    name: "100-continue",
    play: async (client, nginx, { name, backend }) => {
      const path = `/expect-${name}`;
      const headers = { expect: "100-continue", "content-length": `${BODY.length}` };
      const call = client.open({ method: "PUT", path, headers, body: true });
      // Over HTTP/2 nginx sends no 100: the client goes on without (RFC 9110 section 10.1.1).
      if (backend.protocol === "h1") await call.continued();
      call.end(BODY);
      await call.over();
      assert.deepEqual([call.status, nginx.uploaded(path).equals(BODY)], [201, true]);
    },
  },
  {
    name: "10mib-slow-reader",
    play: async (client) => {
      const call = client.open({ path: "/large", stopped: true });
      await call.head();
      call.readSlowly();
      await call.over();
      assert.deepEqual([call.outcome, call.body.toString()], ["whole", Digest.of(LARGE)]);
    },
  },
  {
    name: "client-abort",
    play: async (client, _nginx, cell) => {
      const call = client.open({ path: "/large" });
      await waitFor("a part of it", () => call.body.length > 0);
      call.abort();
      await call.over();
      const next = await connectTo(cell);
      const answer = await exchange(next, { path: "/small" });
      next.close();
      assert.deepEqual([answer.status, answer.body.toString()], [200, Digest.of(BODY)]);
    },
  },
  {
    name: "backend-closes",
    play: async (client) => {
      assert.equal((await exchange(client, { path: "/drop" })).status, 502);
    },
  },
  {
    name: "keep-alive-reuse",
    play: async (client, nginx, { name }) => {
      const path = `/none-${name}`;
      for (let i = 0; i < 10; i++) assert.equal((await exchange(client, { path })).status, 404);
      await waitFor("the log of nginx", () => nginx.connections(path) > 0);
      assert.deepEqual([nginx.connections(path), client.connections], [1, 1]);
    },
  },
];

async function put(
  client: Client,
  nginx: NginxBackend,
  name: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const answer = await exchange(client, { method: "PUT", path: `/${name}`, headers }, BODY);
  assert.deepEqual([answer.status, answer.outcome], [201, "whole"]);
  assert.ok(nginx.uploaded(name).equals(BODY));
}
