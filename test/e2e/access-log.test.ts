/** The access log: one line for each request, with what explains it. */
import assert from "node:assert/strict";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, it, type TestContext } from "node:test";
import { parseFields, type LogLine } from "../support/log-tail.ts";
import { hang, respond } from "../support/scripts.ts";
import { fieldValue, statusOf } from "../support/strict-http1.ts";
import { get, post, startProxied, type Proxied } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

interface Logged extends Proxied {
  readonly file: string;
}

async function startLogged(t: TestContext, keys: Readonly<Record<string, unknown>> = {}): Promise<Logged> {
  const dir = await mkdtemp(join(tmpdir(), "expressgateway-log-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, "access.log");
  const observability = { access_log: { enabled: true, path: file, ...keys } };
  return { ...(await startProxied(t, { config: { observability }, http: { head_timeout_ms: 500 } })), file };
}

/** Waits for `count` lines in the file. */
async function lines(file: string, count: number): Promise<LogLine[]> {
  return await waitFor(`${count} lines in the access log`, async () => {
    const text = await readFile(file, "utf8").catch(() => "");
    const all = text.split("\n").filter((line) => line !== "");
    return all.length >= count ? all.map((line) => ({ text: line, fields: parseFields(line) })) : undefined;
  });
}

describe("the access log", { timeout: 60_000 }, () => {
  it("tells in JSON who asked for what, who answered, how long it took, and how many bytes", async (t) => {
    const { connect, backend, file } = await startLogged(t);
    backend.script = respond("201 Created", "12345678");
    const client = await connect({ localAddress: "127.0.0.5" });
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const answer = await client.request(
      post(
        "/path?q=1",
        "hello",
        "User-Agent: probe/1",
        "X-Request-ID: id-1",
        `traceparent: 00-${trace}-00f067aa0ba902b7-01`,
      ),
    );
    assert.equal(statusOf(answer), 201);
    const [line] = await lines(file, 1);
    const { timestamp, duration_ms, upstream_ms, route, service, ...rest } = line?.fields ?? {};
    assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(typeof duration_ms, "number");
    assert.equal(typeof upstream_ms, "number");
    assert.ok(String(route) !== "" && String(service) !== "");
    assert.deepEqual(rest, {
      client_ip: "127.0.0.5",
      method: "POST",
      host: "test.example",
      path: "/path?q=1",
      protocol: "HTTP/1.1",
      status: 201,
      request_bytes: 5,
      response_bytes: 8,
      listener: "web",
      backend: backend.address,
      attempts: 1,
      request_id: "id-1",
      trace_id: trace,
      user_agent: "probe/1",
    });
  });

  it("says why a request ended", async (t) => {
    const { connect, backend, file } = await startLogged(t);
    backend.script = hang;
    const slow = await connect();
    assert.equal(statusOf(await slow.request(get("/slow"))), 504);
    const gone = await connect();
    gone.send(get("/gone"));
    await backend.request((request) => request.target === "/gone");
    gone.reset();
    const broken = await connect();
    broken.send("GET / HTTP/1.1\r\nBad Header: x\r\n\r\n");
    assert.equal(statusOf(await broken.readResponse()), 400);
    const logged = await lines(file, 3);
    const reasons = logged
      .map(({ fields }) => `${String(fields["status"])} ${String(fields["reason"])}`)
      .toSorted();
    assert.deepEqual(reasons.slice(-1), ["504 upstream_head_timeout"]);
    assert.equal(reasons[0]?.startsWith("400 "), true);
    assert.match(reasons[1] ?? "", /client_closed$/);
  });

  it("escapes what a client sends", async (t) => {
    const { connect, file } = await startLogged(t);
    const client = await connect();
    await client.request(get("/", 'User-Agent: a"b\\c\tÿ'));
    const [line] = await lines(file, 1);
    assert.equal(line?.fields["user_agent"], 'a"b\\c\tÿ');
    assert.match(line?.text ?? "", /^[\x20-\x7e]+$/);
  });

  it("writes the common format", async (t) => {
    const { connect, file } = await startLogged(t, { format: "common" });
    const client = await connect({ localAddress: "127.0.0.5" });
    await client.request(get("/a b".replace(" ", "%20")));
    const [line] = await lines(file, 1);
    assert.match(
      line?.text ?? "",
      /^127\.0\.0\.5 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a%20b HTTP\/1\.1" 200 6$/,
    );
  });

  it("samples successes and keeps every error", async (t) => {
    const { connect, backend, file } = await startLogged(t, { sample: 0 });
    const client = await connect();
    for (let i = 0; i < 20; i++) await client.request(get("/fine"));
    backend.script = respond("500 Internal Server Error");
    for (let i = 0; i < 3; i++) await client.request(get("/bad"));
    const logged = await lines(file, 3);
    assert.deepEqual(
      logged.map(({ fields }) => fields["status"]),
      [500, 500, 500],
    );
  });

  it("is opened anew on SIGUSR1 or SIGHUP after a rotation, and loses no line", async (t) => {
    const { connect, gateway, config, file } = await startLogged(t);
    const client = await connect();
    await client.request(get("/before"));
    await lines(file, 1);
    await rename(file, `${file}.1`);
    await gateway.reload(config);
    await client.request(get("/after"));
    const [line] = await lines(file, 1);
    assert.equal(line?.fields["path"], "/after");
    assert.equal((await lines(`${file}.1`, 1)).length, 1);
  });

  it("carries the id that the backend got", async (t) => {
    const { connect, backend, file } = await startLogged(t);
    const client = await connect();
    await client.request(get("/"));
    const [line] = await lines(file, 1);
    assert.equal(line?.fields["request_id"], fieldValue(backend.requests[0]?.fields ?? [], "x-request-id"));
  });
});
