import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { after, test } from "node:test";
import { silentLog } from "../../base/log.ts";
import type { HealthStatus } from "../gateway-state.ts";
import { AdminServer } from "./admin-server.ts";

const TOKEN = "correct horse";
const source = {
  status: "ok" as HealthStatus,
  tokenHash: undefined as string | undefined,
  metrics: () => Promise.resolve("up 1\n"),
};
const server = await AdminServer.listen({ host: "127.0.0.1", port: 0 }, source, silentLog);
after(() => server.close());

function get(path: string, options: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${server.port}${path}`, options);
}

async function probe(path: string): Promise<string> {
  const response = await get(path);
  return `${response.status} ${await response.text()}`;
}

test("probes follow the gateway's status", async () => {
  const seen: string[] = [];
  for (const status of ["booting", "ok", "draining"] as const) {
    source.status = status;
    for (const path of ["/livez", "/healthz", "/readyz", "/startupz"]) seen.push(await probe(path));
  }
  const row = (status: string, codes: number[]) => codes.map((code) => `${code} {"status":"${status}"}`);
  assert.deepEqual(seen, [
    ...row("booting", [200, 200, 503, 503]),
    ...row("ok", [200, 200, 200, 200]),
    ...row("draining", [200, 200, 503, 200]),
  ]);
  source.status = "ok";
});

test("metrics are text in the exposition format", async () => {
  const response = await get("/metrics?x=1");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(await response.text(), "up 1\n");
});

test("HEAD has the length of the answer and no body", async () => {
  const response = await get("/metrics", { method: "HEAD" });
  assert.equal(response.headers.get("content-length"), "5");
  assert.equal(await response.text(), "");
});

test("other methods are refused with the allowed ones, other paths are unknown", async () => {
  const refused = await get("/readyz", { method: "POST", body: "x" });
  assert.equal(refused.status, 405);
  assert.equal(refused.headers.get("allow"), "GET, HEAD");
  assert.equal((await get("/")).status, 404);
  assert.equal((await get("/metrics/")).status, 404);
});

test("with a token hash metrics need the token and probes do not", async () => {
  source.tokenHash = createHash("sha256").update(TOKEN.replace(" ", "-")).digest("hex");
  try {
    const bare = await get("/metrics");
    assert.equal(`${bare.status} ${await bare.text()}`, "403 forbidden");
    for (const value of ["Bearer wrong", "Basic correct-horse", "Bearer", "correct-horse"]) {
      assert.equal((await get("/metrics", { headers: { authorization: value } })).status, 403, value);
    }
    const allowed = await get("/metrics", { headers: { authorization: "bearer correct-horse" } });
    assert.equal(allowed.status, 200);
    assert.equal((await get("/readyz")).status, 200);
  } finally {
    source.tokenHash = undefined;
  }
});

test("a request that never ends is cut", { timeout: 20_000 }, async () => {
  const socket = connect(server.port, "127.0.0.1");
  socket.write("GET /livez HTTP/1.1\r\nHost: a\r\n");
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 408 /);
});

test("a taken address is an error with its code", async () => {
  const { createServer } = await import("node:net");
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as { port: number };
  await assert.rejects(AdminServer.listen({ host: "127.0.0.1", port }, source, silentLog), {
    code: "EADDRINUSE",
  });
  taken.close();
});
