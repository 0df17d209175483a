/** Clients of QUIC whose address changes while a download is under way: `active_migration`. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { QuicConnection } from "../../src/proxy/quic/quic-connection.ts";
import type { H3Answer } from "../support/codec-h3-client.ts";
import { type H3Gateway, startH3 } from "../support/h3-gateway.ts";
import type { H3User } from "../support/h3-user.ts";
import { streamed } from "../support/scripts.ts";
import { UdpLine } from "../support/udp-line.ts";
import { pause, waitFor } from "../support/wait-for.ts";

const DOWNLOAD_BYTES = 24 * 1024 * 1024;

const MOVES = 10;
/** One of so many ports leads to the other worker, as good as surely. */
const FORGOTTEN_MOVES = 20;

interface Download {
  readonly scene: H3Gateway;
  readonly line: UdpLine;
  readonly user: H3User;
  readonly answer: H3Answer;
}

/** A download over a line, a part of which has come. */
async function download(t: Parameters<typeof startH3>[0], quic: object): Promise<Download> {
  const scene = await startH3(t, {
    backend: { script: streamed(DOWNLOAD_BYTES), record: false },
    quic: { ...quic },
    listener: { http: { max_response_body_bytes: 0 } },
    config: { runtime: { workers: 2 } },
  });
  const line = await UdpLine.open(t, scene.port);
  // Small windows make it last.
  const transport = { connectionWindowBytes: 256 * 1024, streamWindowBytes: 256 * 1024 };
  const user = await scene.users.h3(line.port, { transport });
  const answer = user.request("/");
  await more({ scene, line, user, answer }, 64 * 1024);
  return { scene, line, user, answer };
}

async function more({ answer }: Download, octets: number): Promise<void> {
  const goal = Math.min(DOWNLOAD_BYTES, answer.body.length + octets);
  await waitFor("more of the download", () => answer.body.length >= goal, { everyMs: 1, timeoutMs: 10_000 });
}

/** Sends a PING. */
function speak({ link }: H3User): void {
  (link as QuicConnection).engine.ping();
  link.wake();
  link.flush();
}

describe("a client of QUIC that moves", { timeout: 120_000 }, () => {
  it("goes on with its download where it may, and stays with its worker", async (t) => {
    const moving = await download(t, { active_migration: true });
    const { scene, line, user, answer } = moving;
    for (let i = 0; i < MOVES; i++) {
      await line.move();
      // Nobody knows where it is before it says something.
      speak(user);
      await more(moving, 512 * 1024);
    }
    await user.over(answer);
    assert.equal(answer.body.length, DOWNLOAD_BYTES);
    assert.equal(user.closed, null);
    const metrics = await scene.gateway.metric(
      "the moves",
      (now) => now.sum("quic_migrations_total") >= MOVES,
    );
    t.diagnostic(`${metrics.sum("quic_packets_handed_over_total")} packets were handed over`);
    assert.equal(metrics.sum("h3_downstream_connections_total"), 1);
    assert.equal(metrics.sum("quic_stateless_resets_sent_total"), 0);
  });

  it("goes on at once when its old port is forgotten, again and again", async (t) => {
    const moving = await download(t, { active_migration: true });
    const { scene, line, user, answer } = moving;
    let longestMs = 0;
    for (let i = 0; i < FORGOTTEN_MOVES; i++) {
      await line.move(true);
      const beganMs = performance.now();
      // What is under way to the old port is lost, and with it what the client would say to it.
      speak(user);
      await more(moving, 512 * 1024);
      longestMs = Math.max(longestMs, performance.now() - beganMs);
    }
    t.diagnostic(`${Math.round(longestMs)} ms at most until 512 KiB more`);
    await user.over(answer);
    assert.equal(answer.body.length, DOWNLOAD_BYTES);
    assert.equal(user.closed, null);
    const metrics = await scene.gateway.metric(
      "the moves",
      (now) => now.sum("quic_migrations_total") >= FORGOTTEN_MOVES,
    );
    assert.ok(metrics.sum("quic_packets_handed_over_total") > 0);
    assert.equal(metrics.sum("h3_downstream_connections_total"), 1);
  });

  it("is not heard from elsewhere where it may not, and goes on when it is back", async (t) => {
    const moving = await download(t, {});
    const { scene, line, user, answer } = moving;
    await line.move();
    speak(user);
    await scene.gateway.metric("it", (now) => now.sum("quic_migrations_refused_total") > 0);
    // What was under way has come by then.
    await pause(300);
    const stopped = answer.body.length;
    await pause(500);
    assert.equal(answer.body.length, stopped);
    line.moveBack();
    speak(user);
    await user.over(answer);
    assert.equal(answer.body.length, DOWNLOAD_BYTES);
    assert.equal((await scene.gateway.scrape()).sum("quic_migrations_total"), 0);
  });
});
