/**
 * Backends that speak HTTP/3: another gateway with an HTTP/3 listener in front of a recording backend, and one of
 * our own that is driven by the test. Clients of every version reach them, beside backends of other protocols.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { freePort, HOST } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import { h1Listener } from "../support/gateway-config.ts";
import { H3Backend } from "../support/h3-backend.ts";
import { type H3Gateway, startH3 } from "../support/h3-gateway.ts";
import { Http2Backend } from "../support/http2-backend.ts";
import { Http2Client } from "../support/http2-client.ts";
import { QuicUsers } from "../support/quic-users.ts";
import type { LogLine } from "../support/log-tail.ts";
import { isAlive } from "../support/processes.ts";
import { chunked, echo, type Echoed, hang, named, respond } from "../support/scripts.ts";
import { SecureSite } from "../support/secure-listener.ts";
import { startBackend } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

type Block = Readonly<Record<string, unknown>>;

/** A backend of protocol `h3` on a port of this process, which is to show a certificate of the site. */
function overH3(port: number, site: SecureSite, more: Block = {}): Block {
  const trust = { tls_ca_path: site.caFile(), tls_verify_hostname: "localhost" };
  return { address: `${HOST}:${port}`, protocol: "h3", ...trust, ...more };
}

/** A gateway that speaks HTTP/3 with its clients, and with the gateway behind it. */
async function startTwo(t: TestContext, origin: Parameters<typeof startH3>[1] = {}, more: Block = {}) {
  const behind = await startH3(t, origin);
  const front = await startH3(t, { backends: [overH3(behind.port, behind.site, more)] });
  return { behind, front };
}

/** One that speaks HTTP/1 and HTTP/2 with its clients, in front of these backends. */
async function plainFront(t: TestContext, backends: readonly (string | Block)[]) {
  const port = await freePort();
  const gateway = await Gateway.start(t, { listeners: [h1Listener(port, backends)] });
  return { gateway, port, client: await Http2Client.connect(t, port) };
}

/** Nothing of it is left, and nobody listens where it was. */
async function killed({ gateway }: H3Gateway): Promise<void> {
  const workers = gateway.workers();
  gateway.kill("SIGKILL");
  await gateway.exited();
  await waitFor("its workers to end", () => !workers.some(isAlive));
}

function ended(message: string): (line: LogLine) => boolean {
  return ({ fields }) => fields["message"] === message;
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

describe("a backend over HTTP/3", { timeout: 180_000 }, () => {
  it("gets requests as they are, with bodies and trailers, and so do clients their answers", async (t) => {
    const { behind, front } = await startTwo(t, { backend: { script: echo } });
    const user = await front.connect();
    const answer = await user.ask("/a?b=c", {
      method: "POST",
      body: "the body",
      trailers: [["x-sum", "8"]],
      fields: [["x-one", "1"]],
    });
    const seen = JSON.parse(answer.body) as Echoed;
    assert.deepEqual([seen.method, seen.target, seen.body], ["POST", "/a?b=c", "the body"]);
    assert.deepEqual(
      seen.trailers.map(([name, value]) => [name.toLowerCase(), value]),
      [["x-sum", "8"]],
    );
    behind.backend.script = chunked(["one", "two"], ["X-Sum: 6"]);
    const trailed = await user.ask("/", { fields: [["te", "trailers"]] });
    assert.deepEqual([trailed.told, trailed.trailers.length], ["200 onetwo", 1]);
    behind.backend.script = respond("404 Not Found", "none");
    assert.equal((await user.ask("/", { method: "HEAD" })).told, "404 ");
    assert.deepEqual(behind.backend.violations, []);
    const metrics = await front.gateway.metric("them", (now) => now.sum("h3_upstream_connections") > 0);
    assert.equal(metrics.sum("h3_upstream_connections_total"), 1);
  });

  it("is reached by clients of HTTP/1.1 and HTTP/2", async (t) => {
    const behind = await startH3(t, { backend: { script: respond("200 OK", "fine") } });
    const { client, port } = await plainFront(t, [overH3(behind.port, behind.site)]);
    assert.equal((await client.get("/")).body.toString(), "fine");
    assert.equal((await client.post("/", "x".repeat(100_000))).status, 200);
    const answer = await fetch(`http://${HOST}:${port}/`, { method: "PUT", body: "put" });
    assert.equal(await answer.text(), "fine");
    assert.equal(behind.backend.requests.at(-1)?.body.toString(), "put");
  });

  it("shares a service with backends of HTTP/1.1 and HTTP/2, in turn", async (t) => {
    const one = await startBackend(t, { script: named("h1") });
    const two = await Http2Backend.start(t, (stream) => {
      stream.respond({ ":status": 200 });
      stream.end("h2");
    });
    const three = await startH3(t, { backend: { script: named("h3") } });
    const backends = [one.address, { address: two.address, protocol: "h2" }, overH3(three.port, three.site)];
    const front = await startH3(t, { backends });
    const user = await front.connect();
    const bodies: string[] = [];
    for (let i = 0; i < 30; i++) bodies.push((await user.ask("/")).body);
    const count = (name: string): number => bodies.filter((body) => body === name).length;
    assert.deepEqual([count("h1"), count("h2"), count("h3")], [10, 10, 10]);
  });

  it("that shows a certificate of somebody else's gets nothing: 502", async (t) => {
    const behind = await startH3(t, { backend: { script: respond("200 OK", "fine") } });
    const stranger = new SecureSite(t);
    const ca = { tls_ca_path: stranger.caFile() };
    const name = { tls_verify_hostname: "else.example" };
    for (const wrong of [ca, name]) {
      const { client, gateway } = await plainFront(t, [overH3(behind.port, behind.site, wrong)]);
      assert.equal((await client.get("/")).status, 502);
      await gateway.metric(
        "why",
        (now) => now.sum("http_faults_total", { code: "upstream_tls_failed" }) === 1,
      );
    }
    assert.equal(behind.backend.requests.length, 0);
    const unverified = { ...ca, ...name, tls_verify_peer: false };
    const { client } = await plainFront(t, [overH3(behind.port, behind.site, unverified)]);
    assert.equal((await client.get("/")).status, 200);
  });

  it("that is not there is a 502 or a 504, in time, and one that comes back is found", async (t) => {
    const site = new SecureSite(t);
    const port = await freePort();
    const config = { runtime: { connect_timeout_ms: 1500 } };
    const front = await startH3(t, { backends: [overH3(port, site)], config });
    const user = await front.connect();
    assert.ok([502, 504].includes((await user.ask("/")).status));
    const behind = await startH3(t, { site, port, backend: { script: respond("200 OK", "back") } });
    assert.equal((await user.ask("/")).told, "200 back");
    behind.gateway.kill("SIGKILL");
    await behind.gateway.exited();
  });

  it("that dies under a request is a 502 with a reason, and nothing is left of it", async (t) => {
    const { behind, front } = await startTwo(t, { backend: { script: hang } });
    const user = await front.connect();
    const answer = user.request("/");
    await behind.backend.request();
    const [worker = 0] = behind.gateway.workers();
    process.kill(worker, "SIGKILL");
    await waitFor("another worker", () => behind.gateway.workers().some((pid) => pid !== worker));
    const since = performance.now();
    // Nothing is under way that could go unanswered, so that it has to be asked for.
    await user.over(answer, 40_000);
    t.diagnostic(`noticed after ${seconds(since)}`);
    assert.equal(answer.status, 502, answer.told);
    // The worker that has taken its place knows nothing of the connection, and says so.
    const line = await front.gateway.waitForLog("the fault", ended("backend request failed"));
    assert.match(String(line.fields["detail"]), /stateless reset/);
    behind.backend.script = respond("200 OK", "again");
    await waitFor("it to be served again", async () => (await user.ask("/")).told === "200 again", {
      timeoutMs: 15_000,
    });
    await front.gateway.metric("nothing left", (now) => now.sum("h3_upstream_streams") === 0);
  });

  it("that is killed under a request, and comes back no more, is a 502 with that reason", async (t) => {
    const { behind, front } = await startTwo(t, { backend: { script: hang } });
    const user = await front.connect();
    const answer = user.request("/");
    await behind.backend.request();
    await killed(behind);
    const since = performance.now();
    await user.over(answer, 40_000);
    t.diagnostic(`noticed after ${seconds(since)}`);
    assert.equal(answer.status, 502, answer.told);
    const line = await front.gateway.waitForLog("the fault", ended("backend request failed"));
    assert.equal(line.fields["code"], "upstream_closed");
    assert.match(String(line.fields["detail"]), /the backend's port is closed/);
  });

  it("that is killed while nobody asks for anything is found out by the first who does", async (t) => {
    const { behind, front } = await startTwo(t, { backend: { script: respond("200 OK", "fine") } });
    const user = await front.connect();
    assert.equal((await user.ask("/before")).told, "200 fine");
    await killed(behind);
    const since = performance.now();
    const answer = user.request("/");
    await user.over(answer, 40_000);
    t.diagnostic(`noticed after ${seconds(since)}`);
    // Without the native transport a new connection is not told that nobody is there.
    assert.ok([502, 504].includes(answer.status), answer.told);
    const line = await front.gateway.waitForLog("the session's end", ended("HTTP/3 session ends"));
    assert.equal(line.fields["detail"], "the backend's port is closed");
    const back = { site: behind.site, port: behind.port, backend: { script: respond("200 OK", "back") } };
    await startH3(t, back);
    assert.equal((await user.ask("/after")).told, "200 back");
  });

  it("that is killed leaves what may be sent again to another", async (t) => {
    const script = respond("200 OK", "fine");
    const [one, two] = [await startH3(t, { backend: { script } }), await startH3(t, { backend: { script } })];
    const backends = [one, two].map(({ port, site }) => overH3(port, site));
    const front = await startH3(t, { backends });
    const user = await front.connect();
    for (let i = 0; i < 4; i++) assert.equal((await user.ask("/before")).told, "200 fine");
    await killed(one);
    const answers = Array.from({ length: 6 }, () => user.request("/after"));
    for (const answer of answers) assert.equal((await user.over(answer, 40_000)).told, "200 fine");
    const line = await front.gateway.waitForLog("the session's end", ended("HTTP/3 session ends"));
    assert.equal(line.fields["detail"], "the backend's port is closed");
  });

  it("that is started anew while nobody asks for anything serves the first who does", async (t) => {
    const { behind, front } = await startTwo(t, { backend: { script: respond("200 OK", "fine") } });
    const user = await front.connect();
    assert.equal((await user.ask("/before")).told, "200 fine");
    await killed(behind);
    await startH3(t, {
      site: behind.site,
      port: behind.port,
      backend: { script: respond("200 OK", "anew") },
    });
    const since = performance.now();
    assert.equal((await user.ask("/after")).told, "200 anew");
    t.diagnostic(`served after ${seconds(since)}`);
    assert.equal(front.gateway.log.lines.find(ended("HTTP/3 session ends")), undefined);
  });

  it("that says GOAWAY is left in order, and no request fails", async (t) => {
    const { behind, front } = await startTwo(t, {
      backend: { script: respond("200 OK", "fine") },
      config: { runtime: { max_requests_per_h3_connection: 5 } },
    });
    const user = await front.connect();
    for (let i = 0; i < 40; i++) assert.equal((await user.ask(`/${i}`)).told, "200 fine");
    const parallel = await Promise.all(Array.from({ length: 40 }, (_, i) => user.ask(`/${i}`)));
    assert.deepEqual(new Set(parallel.map(({ told }) => told)), new Set(["200 fine"]));
    const metrics = await front.gateway.scrape();
    assert.ok(metrics.sum("h3_goaway_received_total") >= 8);
    behind.gateway.assertAlive();
  });

  it("whose streams are few makes requests wait, or gets another connection", async (t) => {
    const site = new SecureSite(t);
    const { world } = await QuicUsers.open(t, site.authority.rootPem);
    const backend = await H3Backend.open(world, { streams: 4, identity: site.identity });
    const front = await startH3(t, {
      backends: [overH3(backend.port, site, { address: `127.0.0.1:${backend.port}` })],
      config: { pool: { quic_max_per_backend: 2 } },
    });
    const user = await front.connect();
    const answers = Array.from({ length: 20 }, (_, i) => user.ask(`/${i}`));
    await waitFor("eight requests", () => backend.requests.length === 8);
    backend.onRequestEnd = (request) => request.answer(request.head.path);
    for (const request of backend.requests) request.answer(request.head.path);
    const told = (await Promise.all(answers)).map((answer) => answer.told);
    assert.deepEqual(
      told,
      Array.from({ length: 20 }, (_, i) => `200 /${i}`),
    );
    assert.equal(backend.connections.length, 2);
    assert.deepEqual(backend.errors, []);
  });

  it("is held back by a client that does not read", async (t) => {
    const total = 32 * 1024 * 1024;
    const site = new SecureSite(t);
    const { world } = await QuicUsers.open(t, site.authority.rootPem);
    const backend = await H3Backend.open(world, { identity: site.identity });
    let drained = 0;
    backend.onRequest = (request) => {
      request.sendHead(200);
      request.pour(total);
      const go = request.onDrained;
      request.onDrained = () => {
        drained++;
        go();
      };
    };
    const front: H3Gateway = await startH3(t, {
      backends: [overH3(backend.port, site, { address: `127.0.0.1:${backend.port}` })],
      listener: { http: { max_response_body_bytes: 0 } },
    });
    const user = await front.connect();
    user.reading = false;
    const answer = user.request("/");
    await user.begun(answer);
    let before = -1;
    await waitFor(
      "it to stand still",
      () => {
        const still = before === drained;
        before = drained;
        return still;
      },
      { everyMs: 500, timeoutMs: 15_000 },
    );
    assert.ok(drained * 65_536 < total / 2, `${drained} parts were taken`);
    user.read();
    await user.over(answer);
    assert.equal(answer.body.length, total);
  });
});
