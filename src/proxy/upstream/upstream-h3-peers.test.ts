/** HTTP/3 to servers that are not ours: ngtcp2's gtlsserver and Caddy, where they are installed. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import { afterEach, beforeEach, type TestContext, test } from "node:test";
import { CADDY, startCaddy } from "../../../conformance/peers/caddy-server.ts";
import { GTLSSERVER, startGtlsserver } from "../../../conformance/peers/ngtcp2-server.ts";
import {
  certificateFolder,
  type CertificatePaths,
  writeIdentity,
} from "../../../test/support/certificates-files.ts";
import { H3Scene } from "../../../test/support/h3-scene.ts";
import { assertClean, chunkedHead, get } from "../../../test/support/memory-http.ts";
import type { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { type RecordingSink, sendTo } from "../../../test/support/recording-sink.ts";
import { waitFor } from "../../../test/support/wait-for.ts";

const BIG = randomBytes(3_000_000);

let scene: H3Scene;

beforeEach(async () => {
  scene = await H3Scene.open();
});

afterEach(() => scene.close());

function bound(program: string): { timeout: number; skip: string | false } {
  try {
    execFileSync("which", [program], { stdio: "ignore" });
    return { timeout: 60_000, skip: false };
  } catch {
    return { timeout: 60_000, skip: `${program} is not installed` };
  }
}

function identity(t: TestContext, name = "app.internal"): CertificatePaths {
  return writeIdentity(
    certificateFolder(scopeOf(t)),
    "server",
    scene.world.authority.issue({ names: [name] }),
  );
}

function scopeOf(t: TestContext): { after(cleanup: () => Promise<void>): void } {
  return { after: (cleanup) => t.after(cleanup) };
}

async function over(sink: RecordingSink): Promise<void> {
  await waitFor("the end", () => sink.events.includes("end") || sink.fault !== null, { timeoutMs: 20_000 });
}

/** Reads slowly: it takes the response off its backend a part at a time. */
async function readSlowly(gateway: MemoryGateway, sink: RecordingSink): Promise<void> {
  sink.takes = false;
  let seen = -1;
  await waitFor(
    "the whole response",
    () => {
      if (sink.body.length !== seen) seen = sink.body.length;
      else sink.resume(gateway);
      return sink.events.includes("end");
    },
    { timeoutMs: 30_000, everyMs: 1 },
  );
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

test("gtlsserver: requests, trailers, big responses, many at once", bound(GTLSSERVER), async (t) => {
  const address = await startGtlsserver(scopeOf(t), identity(t), {
    small: Buffer.from("small"),
    big: BIG,
  });
  const gateway = scene.gateway([`h3://${address}`]);
  const small = sendTo(gateway, get("/small"));
  await over(small);
  assert.deepEqual(small.events, ["200", "end"]);
  assert.equal(small.text, "small");
  assert.ok(small.trailers.length > 0);
  const big = sendTo(gateway, get("/big"));
  await readSlowly(gateway, big);
  assert.equal(sha256(big.body), sha256(BIG));
  const many = Array.from({ length: 150 }, () => sendTo(gateway, get("/small")));
  for (const sink of many) await over(sink);
  assert.ok(many.every((sink) => sink.text === "small"));
  const missing = sendTo(gateway, get("/missing"));
  await over(missing);
  assert.deepEqual(missing.events, ["404", "end"]);
  assertClean(gateway);
});

test("gtlsserver with a certificate for another name is refused", bound(GTLSSERVER), async (t) => {
  const address = await startGtlsserver(scopeOf(t), identity(t, "other.internal"), {});
  const gateway = scene.gateway([`h3://${address}`]);
  const sink = sendTo(gateway, get("/"));
  await over(sink);
  assert.equal(sink.fault?.code, "upstream_tls_failed");
  assertClean(gateway);
});

test("Caddy: requests, bodies in both directions, many at once", bound(CADDY), async (t) => {
  const sums = createServer((request, response) => {
    const hash = createHash("sha256");
    request.on("data", (part: Buffer) => hash.update(part));
    request.on("end", () => response.end(hash.digest("hex")));
  });
  sums.listen(0, "127.0.0.1");
  await once(sums, "listening");
  t.after(() => sums.close());
  const { port } = sums.address() as { port: number };
  const address = await startCaddy(scopeOf(t), {
    certificate: identity(t),
    files: { small: Buffer.from("small"), big: BIG },
    echo: `127.0.0.1:${port}`,
  });
  const gateway = scene.gateway([`h3://${address}`]);
  const small = sendTo(gateway, get("/files/small"));
  await over(small);
  assert.deepEqual(small.events, ["200", "end"]);
  assert.equal(small.text, "small");
  const none = sendTo(gateway, get("/none"));
  await over(none);
  assert.deepEqual(none.events, ["204", "end"]);
  const big = sendTo(gateway, get("/files/big"));
  await readSlowly(gateway, big);
  assert.equal(sha256(big.body), sha256(BIG));
  // Its quic-go takes a request that announces no length for one without a body.
  const announced = `Content-Length: ${BIG.length}`;
  const upload = sendTo(gateway, chunkedHead("/echo/sum").replace("Transfer-Encoding: chunked", announced));
  let sent = 0;
  upload.resumeRequest = () => {
    while (sent < BIG.length) {
      const part = BIG.subarray(sent, sent + 50_000);
      sent += part.length;
      if (!upload.write(gateway, part) && sent < BIG.length) return;
    }
    upload.end(gateway);
  };
  if (upload.resumed > 0) upload.resumeRequest();
  await over(upload);
  assert.equal(upload.text, sha256(BIG));
  const many = Array.from({ length: 150 }, () => sendTo(gateway, get("/files/small")));
  for (const sink of many) await over(sink);
  assert.ok(many.every((sink) => sink.text === "small"));
  assertClean(gateway);
});
