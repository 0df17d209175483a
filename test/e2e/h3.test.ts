/** HTTP/3 from clients, through the built gateway to backends of HTTP/1: everything of a message passes. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { freePort, NO_OWN_ADDRESS, OWN_ADDRESS } from "../support/addresses.ts";
import { H3Code } from "../../src/wire/h3/error-code.ts";
import { startH3 } from "../support/h3-gateway.ts";
import { Http2Client } from "../support/http2-client.ts";
import {
  after as later,
  bytes,
  chunked,
  dieInBody,
  echo,
  type Echoed,
  hang,
  respond,
} from "../support/scripts.ts";
import { SecureSite } from "../support/secure-listener.ts";
import { waitFor } from "../support/wait-for.ts";

describe("HTTP/3 from clients", { timeout: 180_000 }, () => {
  it("passes methods, targets, fields and bodies on as they are", async (t) => {
    const { connect, backend } = await startH3(t, { backend: { script: echo } });
    const user = await connect();
    const answer = await user.ask("/a/b?c=d%20e", {
      method: "POST",
      authority: "app.example",
      fields: [
        ["x-one", "1"],
        ["cookie", "a=b"],
        ["cookie", "c=d"],
      ],
      body: "the body",
    });
    assert.equal(answer.status, 200);
    const seen = JSON.parse(answer.body) as Echoed;
    assert.equal(seen.method, "POST");
    assert.equal(seen.target, "/a/b?c=d%20e");
    assert.equal(seen.body, "the body");
    const fields = new Map(seen.fields.map(([name, value]) => [name.toLowerCase(), value]));
    assert.equal(fields.get("host"), "app.example");
    assert.equal(fields.get("x-one"), "1");
    assert.equal(fields.get("cookie"), "a=b; c=d");
    assert.equal(fields.get("content-length"), "8");
    assert.match(fields.get("x-forwarded-for") ?? "", /^127\./);
    assert.equal(fields.get("x-forwarded-proto"), "https");
    assert.deepEqual(backend.violations, []);
  });

  it("answers HEAD without a body, and passes 1xx, 204 and trailers", async (t) => {
    const { connect, backend } = await startH3(t);
    const user = await connect();
    backend.script = respond("200 OK", "not for HEAD");
    const head = await user.ask("/", { method: "HEAD" });
    assert.deepEqual([head.told, head.field("content-length")], ["200 ", "12"]);
    backend.script = respond("204 No Content");
    assert.equal((await user.ask("/")).told, "204 ");
    backend.script = bytes(
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    const hinted = await user.ask("/");
    assert.deepEqual([hinted.told, hinted.informational], ["200 ok", [103]]);
    backend.script = chunked(["one", "two"], ["X-Sum: 6"]);
    const trailed = await user.ask("/", { fields: [["te", "trailers"]] });
    assert.equal(trailed.told, "200 onetwo");
    assert.deepEqual(
      trailed.trailers.map(([name, value]) => [name.toLowerCase(), value]),
      [["x-sum", "6"]],
    );
  });

  it("passes the trailers of a request", async (t) => {
    const { connect, backend } = await startH3(t, { backend: { script: echo } });
    const user = await connect();
    const answer = await user.ask("/", { method: "POST", body: "parts", trailers: [["x-sum", "5"]] });
    const seen = JSON.parse(answer.body) as Echoed;
    assert.equal(seen.body, "parts");
    assert.deepEqual(
      seen.trailers.map(([name, value]) => [name.toLowerCase(), value]),
      [["x-sum", "5"]],
    );
    assert.deepEqual(backend.violations, []);
  });

  it("carries 20 MiB each way unharmed, and many requests at once", async (t) => {
    const size = 20 * 1024 * 1024;
    const block = randomBytes(size);
    const { connect, backend } = await startH3(t, {
      backend: { script: respond("200 OK", block) },
      listener: { http: { max_request_body_bytes: 0, max_response_body_bytes: 0 } },
    });
    const user = await connect();
    const down = await user.ask("/");
    assert.ok(Buffer.from(down.body, "latin1").equals(block));
    backend.script = (request, answer) => {
      const text = String(request.body.length);
      answer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    };
    const up = user.request("/", { method: "POST", end: false });
    user.pour(up, size);
    assert.equal((await user.over(up)).body, String(size));
    backend.script = later(50, echo);
    const many = await Promise.all(Array.from({ length: 100 }, (_, i) => user.ask(`/${i}`)));
    assert.deepEqual(
      many.map(({ body }) => (JSON.parse(body) as Echoed).target),
      Array.from({ length: 100 }, (_, i) => `/${i}`),
    );
  });

  it("answers for itself with the right status, and the connection goes on", async (t) => {
    const { connect, backend, gateway } = await startH3(t, {
      listener: { http: { max_request_body_bytes: 1000, max_headers: 20 } },
      config: {
        routers: { late: { rule: "PathPrefix(`/late`)", service: "late" } },
        services: {
          late: { backends: [{ address: `127.0.0.1:${await freePort()}` }], strategy: "round_robin" },
        },
      },
    });
    const user = await connect();
    assert.equal((await user.ask("/", { method: "POST", body: "x".repeat(1001) })).status, 413);
    const growing = user.request("/", { method: "POST", end: false });
    user.send(growing, "x".repeat(1001));
    assert.equal((await user.over(growing)).status, 413);
    const many = Array.from({ length: 30 }, (_, i) => [`x-field-${i}`, "y"] as const);
    assert.equal((await user.ask("/", { fields: many })).status, 431);
    assert.equal((await user.ask("/late")).status, 502);
    backend.script = bytes("this is not HTTP\r\n\r\n", "fin");
    assert.equal((await user.ask("/")).status, 502);
    backend.script = respond("200 OK", "fine");
    assert.equal((await user.ask("/")).told, "200 fine");
    const metrics = await gateway.metric("the requests", (now) => now.sum("http_requests_total") >= 6);
    assert.equal(metrics.sum("http_requests_total", { version: "HTTP/3", status_class: "4xx" }), 3);
    assert.equal(metrics.sum("http_requests_total", { version: "HTTP/3", status_class: "5xx" }), 2);
    assert.equal(metrics.sum("http_faults_total", { listener: "h3", code: "body_too_large" }), 2);
    assert.equal(metrics.sum("h3_downstream_connections"), 1);
  });

  it("has the deadlines of the other versions: 504, and 408 for a body that does not come", async (t) => {
    const { connect } = await startH3(t, {
      backend: { script: hang },
      listener: { http: { body_timeout_ms: 1000, total_timeout_ms: 2000 } },
    });
    const user = await connect();
    const [slow, silent] = await Promise.all([
      user.ask("/"),
      user.over(user.request("/", { method: "POST", end: false, length: 100 })),
    ]);
    assert.equal(slow.status, 504);
    assert.equal(silent.status, 408);
  });

  it("answers 404 where no route fits", async (t) => {
    const { connect } = await startH3(t, {
      backends: [],
      config: {
        routers: { app: { rule: "Host(`app.example`)", service: "app" } },
        services: { app: { backends: [{ address: `127.0.0.1:${await freePort()}` }] } },
      },
    });
    assert.equal((await (await connect()).ask("/", { authority: "localhost" })).status, 404);
  });

  it(
    "answers 421 to a request for another host than the handshake named",
    { skip: NO_OWN_ADDRESS },
    async (t) => {
      const host = OWN_ADDRESS as string;
      const port = await freePort();
      const { connect, gateway } = await startH3(t, { port, listener: { address: `${host}:${port}` } });
      const user = await connect({ host, serverName: "app.example" });
      assert.equal((await user.ask("/", { authority: "localhost" })).status, 421);
      assert.equal((await user.ask("/", { authority: "app.example" })).status, 200);
      await gateway.metric("it", (now) => now.sum("tls_misdirected_requests_total") === 1);
    },
  );

  it("resets the stream of a response that is cut, and no other", async (t) => {
    const { connect, backend } = await startH3(t);
    const user = await connect();
    backend.script = later(200, respond("200 OK", "whole"));
    const whole = user.ask("/whole");
    await backend.request((request) => request.target === "/whole");
    backend.script = dieInBody(100, 4, "reset");
    const cut = await user.ask("/cut");
    assert.equal(cut.error?.code, H3Code.internalError);
    assert.equal((await whole).told, "200 whole");
  });

  it("lets the backend go when a client cancels, or leaves", async (t) => {
    const { connect, backend, gateway } = await startH3(t, { backend: { script: hang } });
    const user = await connect();
    const answer = user.request("/cancel");
    await backend.request((request) => request.target === "/cancel");
    user.connection.reset(answer.stream, H3Code.requestCancelled);
    user.turn();
    await waitFor("the backend to be let go", () => backend.openConnections === 0);
    user.request("/leave");
    await backend.request((request) => request.target === "/leave");
    user.close();
    await waitFor("the backend to be let go", () => backend.openConnections === 0);
    const metrics = await gateway.metric(
      "two clients that left",
      (now) => now.sum("http_faults_total", { code: "client_closed" }) === 2,
    );
    assert.equal(metrics.sum("h3_downstream_streams"), 0);
    assert.equal(metrics.sum("h3_downstream_connections"), 0);
  });

  it("writes HTTP/3 into the access log", async (t) => {
    const { connect, gateway } = await startH3(t, {
      backend: { script: respond("200 OK", "fine") },
      config: { observability: { access_log: { enabled: true, path: "stdout" } } },
    });
    await (await connect()).ask("/logged");
    const { fields } = await gateway.waitForLog("the request", (line) => line.fields["path"] === "/logged");
    assert.equal(fields["protocol"], "HTTP/3");
    assert.equal(fields["status"], 200);
    assert.equal(fields["response_bytes"], 4);
    assert.match(String(fields["client_ip"]), /^127\./);
  });

  it("is advertised by the TLS listener of its port, unless that has an Alt-Svc of its own", async (t) => {
    const site = new SecureSite(t);
    const [port, other] = [await freePort(), await freePort()];
    const backend = respond("200 OK", "fine");
    const { connect, backend: origin } = await startH3(t, {
      site,
      port,
      backend: { script: backend },
      listeners: [],
    });
    assert.equal((await (await connect()).ask("/")).field("alt-svc"), undefined);
    const { gateway } = await startH3(t, {
      site,
      port: other,
      backends: [origin.address],
      listeners: [site.listener(other, [origin.address], { name: "web" })],
    });
    const h2 = await Http2Client.connect(t, other, { tls: {} });
    assert.equal((await h2.get("/")).headers["alt-svc"], `h3=":${other}"; ma=3600`);
    gateway.assertAlive();
  });
});
