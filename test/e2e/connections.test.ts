/** Keep-alive and pipelining on the client's side, pools on the backend's: RFC 9112 section 9. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after as later, closeAfterAnswer, echo, hang, respond, type Echoed } from "../support/scripts.ts";
import { fieldValue, statusOf } from "../support/strict-http1.ts";
import { get, post, startBackend, startProxied } from "../support/suite.ts";
import { freePort } from "../support/addresses.ts";
import { h1Listener } from "../support/gateway-config.ts";
import { Gateway } from "../support/gateway.ts";
import { RawClient } from "../support/raw-client.ts";
import { waitFor } from "../support/wait-for.ts";

describe("client connections", { timeout: 60_000 }, () => {
  it("serve many requests, one after the other", async (t) => {
    const { connect, backend } = await startProxied(t);
    const client = await connect();
    for (let i = 0; i < 50; i++) assert.equal(statusOf(await client.request(get(`/${i}`))), 200);
    assert.equal(backend.connections, 1, "and use one backend connection for them");
  });

  it("close after max_keepalive_requests, announced in the last answer", async (t) => {
    const { connect } = await startProxied(t, { config: { runtime: { max_keepalive_requests: 3 } } });
    const client = await connect();
    for (const expected of [undefined, undefined, "close"]) {
      const answer = await client.request(get("/"));
      assert.equal(fieldValue(answer.fields, "connection")?.toLowerCase(), expected);
    }
    assert.equal(await client.closed(), "fin");
  });

  it("close when the client asks for it", async (t) => {
    const { connect } = await startProxied(t);
    const client = await connect();
    const answer = await client.request(get("/", "Connection: close"));
    assert.equal(fieldValue(answer.fields, "connection")?.toLowerCase(), "close");
    assert.equal(await client.closed(), "fin");
  });

  it("answer pipelined requests in order", async (t) => {
    const { connect, backend } = await startProxied(t, { backend: { script: echo } });
    const client = await connect();
    client.send(
      Array.from({ length: 20 }, (_, i) => (i % 3 === 0 ? post(`/${i}`, `body ${i}`) : get(`/${i}`))).join(
        "",
      ),
    );
    for (let i = 0; i < 20; i++) {
      const seen = JSON.parse((await client.readResponse()).body.toString()) as Echoed;
      assert.deepEqual([seen.target, seen.body], [`/${i}`, i % 3 === 0 ? `body ${i}` : ""]);
    }
    assert.deepEqual(backend.violations, []);
  });

  it("serve requests that arrive byte by byte", async (t) => {
    const { connect } = await startProxied(t, { backend: { script: echo } });
    const client = await connect();
    await client.sendSlowly(post("/slow", "hello"), 1);
    const seen = JSON.parse((await client.readResponse()).body.toString()) as Echoed;
    assert.equal(seen.body, "hello");
  });

  it("still get their answer after they have sent FIN", async (t) => {
    const { connect } = await startProxied(t, { backend: { script: later(100, respond("200 OK", "late")) } });
    const client = await connect();
    client.send(get("/"));
    client.halfClose();
    assert.equal((await client.readResponse()).body.toString(), "late");
    assert.equal(await client.closed(), "fin");
  });

  it("ignore empty lines before a request", async (t) => {
    const { connect } = await startProxied(t);
    const client = await connect();
    assert.equal(statusOf(await client.request(`\r\n\r\n${get("/")}`)), 200);
  });
});

describe("backend connections", { timeout: 60_000 }, () => {
  it("are reused, last used first, and shared by client connections", async (t) => {
    const { connect, backend } = await startProxied(t);
    for (let i = 0; i < 10; i++) {
      const client = await connect();
      assert.equal(statusOf(await client.request(get("/"))), 200);
      client.destroy();
    }
    assert.equal(backend.connections, 1);
  });

  it("are not reused after the backend asked for a close", async (t) => {
    const { connect, backend } = await startProxied(t, {
      backend: { script: respond("200 OK", "x", "Connection: close") },
    });
    const client = await connect();
    for (let i = 0; i < 3; i++) assert.equal(statusOf(await client.request(get("/"))), 200);
    assert.equal(backend.connections, 3);
  });

  it("that the backend closes while idle are replaced without an error", async (t) => {
    const { connect, backend, gateway } = await startProxied(t, { backend: { script: closeAfterAnswer } });
    const client = await connect();
    for (let i = 0; i < 30; i++) assert.equal(statusOf(await client.request(get(`/${i}`))), 200);
    assert.equal(backend.violations.length, 0);
    assert.equal((await gateway.scrape()).sum("http_requests_total", { status_class: "5xx" }), 0);
  });

  it("are bounded per backend: more requests wait, and are served in turn", async (t) => {
    const { connect, backend } = await startProxied(t, {
      backend: { script: later(30, respond("200 OK", "ok")) },
      config: { pool: { max_per_backend: 2 } },
    });
    const clients = await Promise.all(Array.from({ length: 12 }, () => connect()));
    const answers = await Promise.all(clients.map((client) => client.request(get("/"))));
    assert.deepEqual(
      answers.map(statusOf),
      Array.from({ length: 12 }, () => 200),
    );
    assert.ok(backend.connections <= 2, `${backend.connections} connections`);
  });

  it("of a client that went away are not kept busy", async (t) => {
    const { connect, backend } = await startProxied(t, { backend: { script: hang } });
    const client = await connect();
    client.send(get("/"));
    await backend.request();
    client.reset();
    await waitFor("the backend connection to be dropped", () => backend.openConnections === 0);
  });

  it("are spread over the backends in turn, by weight", async (t) => {
    const first = await startBackend(t);
    const second = await startBackend(t);
    const port = await freePort();
    await Gateway.start(t, {
      listeners: [h1Listener(port, [])],
      routers: { all: { rule: "PathPrefix(`/`)", service: "pair" } },
      services: {
        pair: {
          strategy: "weighted_round_robin",
          backends: [
            { address: first.address, protocol: "h1", weight: 3 },
            { address: second.address, protocol: "h1", weight: 1 },
          ],
        },
      },
    });
    const client = await RawClient.connect(port);
    for (let i = 0; i < 40; i++) assert.equal(statusOf(await client.request(get("/"))), 200);
    assert.deepEqual([first.served, second.served], [30, 10]);
  });
});
