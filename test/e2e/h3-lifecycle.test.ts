/** What happens to HTTP/3 connections when the gateway changes or stops: nothing that a client has asked for is lost. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CodecH3Client } from "../support/codec-h3-client.ts";
import { type H3Gateway, startH3 } from "../support/h3-gateway.ts";
import type { H3User } from "../support/h3-user.ts";
import { hello } from "../support/recording-backend.ts";
import { after as later, hang, respond, streamed } from "../support/scripts.ts";
import { waitFor } from "../support/wait-for.ts";

const MIB = 1024 * 1024;
const DOWNLOAD_BYTES = 16 * MIB;
const RELOADS = 10;

const UNLIMITED = { http: { max_response_body_bytes: 0 } };

/** A download of which a part has come, and that stands still: its client does not take what comes. */
async function stalledDownload(user: H3User): Promise<ReturnType<CodecH3Client["request"]>> {
  user.reading = false;
  const download = user.request("/download");
  await waitFor("a part of the download", () => download.body.length > 16_384, { everyMs: 2 });
  assert.ok(!download.ended);
  return download;
}

async function finish(user: H3User, download: ReturnType<CodecH3Client["request"]>): Promise<void> {
  user.read();
  await user.over(download);
  assert.equal(download.told.length, "200 ".length + DOWNLOAD_BYTES);
}

/** Users who ask one request after another, and come back when their connection is to end. */
class H3Load {
  served = 0;
  opened = 0;
  readonly failures: string[] = [];
  #stopping = false;
  readonly #runs: Promise<void>[];

  constructor(scene: H3Gateway, users: number) {
    this.#runs = Array.from({ length: users }, () => this.#run(scene));
  }

  async progress(count: number): Promise<void> {
    const goal = this.served + count;
    await waitFor("requests to be served", () => this.served >= goal || this.failures.length > 0, {
      timeoutMs: 30_000,
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#runs);
  }

  async #run(scene: H3Gateway): Promise<void> {
    let user: H3User | null = null;
    while (!this.#stopping && this.failures.length === 0) {
      if (user === null || user.goAways.length > 0 || user.closed !== null) {
        user?.close();
        user = await scene.connect();
        this.opened++;
      }
      const answers = await Promise.all(["/1", "/2", "/3"].map((path) => (user as H3User).ask(path)));
      for (const { told } of answers) {
        if (told === "200 hello") this.served++;
        else this.failures.push(told);
      }
    }
    user?.close();
  }
}

describe("HTTP/3 connections", { timeout: 180_000 }, () => {
  it(`fail no request in ${RELOADS} reloads`, async (t) => {
    const scene = await startH3(t, {
      backend: { script: hello, record: false },
      config: { runtime: { workers: 2 } },
    });
    const load = new H3Load(scene, 3);
    await load.progress(30);
    for (let round = 1; round <= RELOADS; round++) {
      const [listener] = scene.config.listeners;
      const changed = { ...listener, http: { max_headers: 50 + round } };
      await scene.gateway.reload({ ...scene.config, listeners: [changed] });
      await load.progress(10);
    }
    await load.stop();
    assert.deepEqual(load.failures, []);
  });

  it("go on with what they have asked for when their listener is removed", async (t) => {
    const scene = await startH3(t, {
      backend: { script: streamed(DOWNLOAD_BYTES), record: false },
      listener: UNLIMITED,
      config: { runtime: { drain_timeout_ms: 20_000 } },
    });
    const user = await scene.connect();
    const download = await stalledDownload(user);
    const [listener] = scene.config.listeners;
    const elsewhere = { ...listener, address: `127.0.0.1:${scene.port}`, name: "elsewhere" };
    await scene.gateway.reload({ ...scene.config, listeners: [elsewhere] });
    await waitFor("GOAWAY", () => user.goAways.length > 0);
    const refused = scene.users.beginH3(scene.port);
    await finish(user, download);
    await user.gone();
    assert.equal(refused.established, false);
  });

  it("hear GOAWAY twice when the gateway stops, and get the answers they wait for", async (t) => {
    const { connect, backend, gateway } = await startH3(t, {
      backend: { script: later(1500, respond("200 OK", "late")) },
      config: { runtime: { drain_timeout_ms: 8000 } },
    });
    const user = await connect();
    const idle = await connect();
    const answer = user.ask("/");
    await backend.request();
    gateway.kill("SIGTERM");
    assert.equal((await answer).told, "200 late");
    assert.deepEqual([(await user.gone()).application, (await idle.gone()).application], [true, true]);
    assert.equal(await gateway.exited(), 0);
    assert.equal(user.goAways.length, 2);
    assert.equal(user.goAways.at(-1), 4);
  });

  it("finish a download that is under way when the gateway stops", async (t) => {
    const { connect, gateway } = await startH3(t, {
      backend: { script: streamed(DOWNLOAD_BYTES), record: false },
      listener: UNLIMITED,
      config: { runtime: { drain_timeout_ms: 20_000 } },
    });
    const user = await connect();
    const download = await stalledDownload(user);
    gateway.kill("SIGTERM");
    await waitFor("GOAWAY", () => user.goAways.length > 0);
    await finish(user, download);
    assert.equal(await gateway.exited(), 0);
  });

  it("are cut when the drain budget is over, and are told why where they still can be", async (t) => {
    const { connect, backend, gateway } = await startH3(t, {
      backend: { script: hang },
      config: { runtime: { drain_timeout_ms: 500, drain_jitter_ms: 0 } },
    });
    const user = await connect();
    const answer = user.ask("/");
    await backend.request();
    gateway.kill("SIGTERM");
    assert.equal((await answer).status, 503);
    assert.equal(await gateway.exited(), 0);
  });

  it("end after enough requests, without failing one", async (t) => {
    const scene = await startH3(t, {
      backend: { script: hello, record: false },
      config: { runtime: { max_requests_per_h3_connection: 10 } },
    });
    const load = new H3Load(scene, 2);
    await load.progress(120);
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.ok(load.opened >= 8, `${load.opened} connections for ${load.served} requests`);
    await scene.gateway.metric("them", (now) => now.sum("h3_connections_recycled_total") >= 6);
  });

  it("show a new certificate to those that come after it, while a download of an old one goes on", async (t) => {
    const { connect, site, gateway } = await startH3(t, {
      backend: { script: streamed(DOWNLOAD_BYTES), record: false },
      listener: UNLIMITED,
    });
    const before = await connect();
    const download = await stalledDownload(before);
    const first = before.certificate.serialNumber;
    const renewed = site.renew().serial;
    gateway.kill("SIGUSR1");
    await gateway.metric("a rotation", (now) => now.sum("cert_rotation_succeeded_total") > 0);
    const serial = await waitFor("the new certificate", async () => {
      const user = await connect();
      const shown = user.certificate.serialNumber;
      user.close();
      return shown === first ? undefined : shown;
    });
    assert.equal(BigInt(`0x${serial}`), renewed);
    assert.deepEqual(before.goAways, []);
    await finish(before, download);
  });

  it("end when nothing is said for the idle timeout", async (t) => {
    const { connect, gateway } = await startH3(t, { quic: { max_idle_timeout_ms: 1000 } });
    const user = await connect();
    assert.equal((await user.gone()).by, "timeout");
    await gateway.metric("nobody", (now) => now.sum("h3_downstream_connections") === 0);
  });

  it("of a worker that was killed end by a stateless reset, and others live on", async (t) => {
    const scene = await startH3(t, {
      backend: { script: hello, record: false },
      config: { runtime: { workers: 2 } },
    });
    const { gateway } = scene;
    const users = await Promise.all(Array.from({ length: 12 }, () => scene.newcomer()));
    const [victim = 0] = gateway.workers();
    process.kill(victim, "SIGKILL");
    await waitFor(
      "another worker",
      () => !gateway.workers().includes(victim) && gateway.workers().length === 2,
      {
        timeoutMs: 10_000,
      },
    );
    for (const user of users) user.request("/");
    await waitFor("all of them to be answered, or ended", () =>
      users.every(({ closed, connection }) => closed !== null || connection.streamCount === 0),
    );
    const ended = users.filter(({ closed }) => closed !== null);
    assert.ok(ended.length > 0 && ended.length < users.length, `${ended.length} of ${users.length} ended`);
    assert.deepEqual(new Set(ended.map(({ closed }) => closed?.by)), new Set(["reset"]));
    assert.equal((await (await scene.newcomer()).ask("/")).told, "200 hello");
    gateway.assertAlive();
  });
});
