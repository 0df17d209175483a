/** Bodies stream: pausing one side pauses the other, nothing is buffered whole, nothing is lost. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { rssBytes } from "../support/processes.ts";
import type { RawClient } from "../support/raw-client.ts";
import type { Answer } from "../support/recording-backend.ts";
import { streamed } from "../support/scripts.ts";
import { statusOf } from "../support/strict-http1.ts";
import { get, startProxied, type Proxied } from "../support/suite.ts";
import { pause, waitFor } from "../support/wait-for.ts";

const MIB = 1024 * 1024;
/** What one stream may hold: socket buffers are the kernel's, the rest is windows of 64 KiB and garbage not yet collected. */
const MEMORY_SLACK = 40 * MIB;

function memory({ gateway }: Proxied): number {
  const workers = gateway.workers();
  return (workers.length === 0 ? [gateway.pid] : workers).reduce((sum, pid) => sum + rssBytes(pid), 0);
}

/** Writes `total` bytes at the pace of the gateway; the hash of what was sent. */
async function upload(client: RawClient, total: number): Promise<string> {
  const hash = createHash("sha256");
  for (let sent = 0; sent < total; sent += 65_536) {
    const part = Buffer.alloc(Math.min(65_536, total - sent), sent / 65_536);
    hash.update(part);
    client.send(part);
    if (client.socket.writableNeedDrain) await new Promise((resolve) => client.socket.once("drain", resolve));
  }
  return hash.digest("hex");
}

describe("bodies", { timeout: 120_000 }, () => {
  it("of 48 MiB arrive whole in both directions", async (t) => {
    const total = 48 * MIB;
    const proxied = await startProxied(t, { backend: { raw: true } });
    const { backend } = proxied;
    const client = await proxied.connect();
    client.send(`POST /up HTTP/1.1\r\nHost: test.example\r\nContent-Length: ${total}\r\n\r\n`);
    const sent = await upload(client, total);
    const received = await waitFor("the whole body at the backend", () => {
      const parts = backend.streams[0] ?? [];
      const size = parts.reduce((sum, part) => sum + part.length, 0);
      return size > total ? Buffer.concat(parts) : undefined;
    });
    const body = received.subarray(received.indexOf("\r\n\r\n") + 4);
    assert.equal(body.length, total);
    assert.equal(createHash("sha256").update(body).digest("hex"), sent);
  });

  it("of a response wait for a client that does not read, in bounded memory", async (t) => {
    const total = 200 * MIB;
    const http = { body_timeout_ms: 30_000, max_response_body_bytes: 0 };
    const proxied = await startProxied(t, { backend: { script: streamed(total) }, http });
    const client = await proxied.connect();
    assert.equal(statusOf(await warmUp(proxied)), 200);
    const before = memory(proxied);
    client.send(get("/"));
    await client.readUntil("\r\n\r\n");
    client.pause();
    await pause(1000);
    assert.ok(memory(proxied) - before < MEMORY_SLACK, `grew by ${(memory(proxied) - before) / MIB} MiB`);
    client.resume();
    await waitFor("the rest of the body", () => client.received >= total, { timeoutMs: 30_000 });
    assert.ok(memory(proxied) - before < MEMORY_SLACK, `grew by ${(memory(proxied) - before) / MIB} MiB`);
  });

  it("of a request wait for a backend that does not read, in bounded memory", async (t) => {
    let held: Answer | undefined;
    const script = (_request: unknown, answer: Answer): void => {
      held = answer;
      answer.socket.pause();
    };
    const http = { body_timeout_ms: 30_000, max_request_body_bytes: 0 };
    const proxied = await startProxied(t, { backend: { script, atHead: true, record: false }, http });
    const client = await proxied.connect();
    const total = 100 * MIB;
    client.send(`POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: ${total}\r\n\r\n`);
    await waitFor("the head at the backend", () => held);
    const before = memory(proxied);
    let written = 0;
    const piece = Buffer.alloc(65_536);
    const stalled = async (): Promise<boolean> => {
      while (!client.socket.writableNeedDrain && written < total) {
        client.send(piece);
        written += piece.length;
      }
      await pause(50);
      return client.socket.writableNeedDrain && client.socket.writableLength > 0;
    };
    for (let quiet = 0; quiet < 10;) quiet = (await stalled()) ? quiet + 1 : 0;
    assert.ok(written < 40 * MIB, `took ${written / MIB} MiB that nobody reads`);
    assert.ok(memory(proxied) - before < MEMORY_SLACK, `grew by ${(memory(proxied) - before) / MIB} MiB`);
    client.reset();
  });

  it("of many slow readers hold only their windows", async (t) => {
    const script = streamed(8 * MIB);
    const proxied = await startProxied(t, {
      backend: { script, record: false },
      http: { body_timeout_ms: 30_000 },
    });
    await warmUp(proxied);
    const before = memory(proxied);
    const clients = await Promise.all(Array.from({ length: 40 }, () => proxied.connect()));
    for (const client of clients) {
      client.pause();
      client.send(get("/"));
    }
    await pause(1500);
    const growth = memory(proxied) - before;
    assert.ok(growth < 40 * 512 * 1024 + MEMORY_SLACK, `grew by ${growth / MIB} MiB`);
    for (const client of clients) client.resume();
    await waitFor("all bodies", () => clients.every((client) => client.received > 8 * MIB), {
      timeoutMs: 40_000,
    });
    for (const client of clients) client.destroy();
  });
});

/** The first request compiles code and grows the heap; it would be counted as a leak. */
async function warmUp({ connect, backend }: Proxied): Promise<Awaited<ReturnType<RawClient["request"]>>> {
  const { script } = backend;
  backend.script = streamed(2 * MIB);
  const client = await connect();
  const answer = await client.request(get("/"));
  client.destroy();
  backend.script = script;
  return answer;
}
