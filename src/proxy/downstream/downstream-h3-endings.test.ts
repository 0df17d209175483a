/** However a request over HTTP/3 ends, it is counted once, has one line in the access log, and leaves nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { data, headers } from "../../../test/support/h3-dsl.ts";
import {
  assertCleanH3,
  type H3ClientSpec,
  MemoryH3Client,
  MemoryH3Listener,
} from "../../../test/support/memory-h3-client.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { ok, response } from "../../../test/support/memory-http.ts";
import type { PlanSpec } from "../../../test/support/memory-plan.ts";
import { H3Code } from "../../wire/h3/error-code.ts";

interface Ending {
  readonly plan?: PlanSpec;
  readonly client?: Omit<H3ClientSpec, "listener">;
  /** The status class that is counted, and the fault; empty: none. */
  readonly told: string;
  readonly run: (gateway: MemoryGateway, client: MemoryH3Client) => void;
}

type Pairs = [string, string][];

function head(...more: Pairs): Buffer {
  return headers([
    [":method", "POST"],
    [":scheme", "https"],
    [":authority", "app.example"],
    [":path", "/"],
    ...more,
  ]);
}

const LARGE = "x".repeat(70_000);

const ENDINGS: Readonly<Record<string, Ending>> = {
  "an answer": {
    told: "2xx",
    run(gateway, client) {
      client.request("/");
      gateway.backend().send(ok("fine"));
    },
  },
  "an answer before the request is whole": {
    told: "2xx",
    run(gateway, client) {
      client.request("/", { method: "POST", body: "some", end: false });
      gateway.backend().send(ok("enough"));
    },
  },
  "no route": {
    plan: { routes: [{ rule: "Path(`/elsewhere`)" }] },
    told: "4xx no_route",
    run: (_, client) => void client.request("/"),
  },
  "a backend that is down": {
    told: "5xx connect_refused",
    run(gateway, client) {
      gateway.transport.onDial = (dial) => dial.peer.fail("ECONNREFUSED");
      client.request("/");
    },
  },
  "a backend that breaks off": {
    told: "2xx upstream_reset",
    run(gateway, client) {
      client.request("/");
      gateway.backend().send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
      gateway.backend().fail("ECONNRESET");
    },
  },
  "too early": {
    client: { early: true },
    told: "4xx too_early",
    run: (_, client) => void client.request("/", { method: "POST", body: "x" }),
  },
  "another host than that of the handshake": {
    told: "4xx misdirected_request",
    run: (_, client) => void client.request("/", { authority: "other.example" }),
  },
  "a head over its limit": {
    told: "4xx headers_too_large",
    run: (_, client) => void client.raw(head(["x-large", LARGE]), true),
  },
  "a head over its limit that does not come whole": {
    told: "4xx headers_too_large",
    run: (_, client) => void client.raw(head(["x-large", LARGE]).subarray(0, 100)),
  },
  "a malformed head": {
    told: "4xx bad_request",
    run: (_, client) => void client.raw(head(["connection", "close"]), true),
  },
  "a head that is refused": {
    told: "4xx bad_authority",
    run: (_, client) => void client.raw(head(["host", "other.example"]), true),
  },
  "a body over its cap": {
    plan: { http: { maxRequestBodyBytes: 3 } },
    told: "4xx body_too_large",
    run: (_, client) => void client.request("/", { method: "POST", body: "four", end: false }),
  },
  "a body shorter than it said": {
    told: "4xx bad_request",
    run: (_, client) => void client.raw(Buffer.concat([head(["content-length", "5"]), data("four")]), true),
  },
  "a body longer than it said": {
    told: "4xx bad_request",
    run: (_, client) => void client.raw(Buffer.concat([head(["content-length", "3"]), data("four")])),
  },
  "a client that gives up before the answer": {
    told: "4xx client_closed",
    run(_, client) {
      const { stream } = client.request("/");
      client.connection.reset(stream, H3Code.requestCancelled);
    },
  },
  "a client that gives up amid its body": {
    told: "4xx client_closed",
    run(_, client) {
      const { stream } = client.request("/", { method: "POST", body: "some", end: false });
      client.connection.reset(stream, H3Code.requestCancelled);
    },
  },
  "a client that wants no more of the answer": {
    told: "2xx client_closed",
    run(gateway, client) {
      const { stream } = client.request("/");
      gateway.backend().send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
      client.turn();
      client.link.stop(stream.id, H3Code.requestCancelled);
    },
  },
  "a connection that closes": {
    told: "4xx client_closed",
    run(_, client) {
      client.request("/");
      client.close();
    },
  },
  "a connection that is lost amid the answer": {
    told: "2xx client_closed",
    run(gateway, client) {
      client.request("/");
      gateway.backend().send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
      client.turn();
      client.net.server.hear({ by: "timeout", application: false, code: 0, reason: "" });
    },
  },
  "a mistake of the client's elsewhere": {
    told: "4xx bad_request",
    run(_, client) {
      client.request("/");
      client.raw(data("without a head"));
    },
  },
  "a backend that does not answer": {
    plan: { http: { headTimeoutMs: 1000 } },
    told: "5xx upstream_head_timeout",
    run(_, client) {
      client.request("/");
      client.advance(1500);
    },
  },
  "a body that does not come": {
    plan: { http: { bodyTimeoutMs: 1000 }, runtime: { headerDeadlineMs: 500 } },
    told: "4xx request_body_timeout",
    run(_, client) {
      client.request("/", { method: "POST", body: "some", end: false });
      client.advance(2500);
    },
  },
  "a stop before the answer": {
    told: "5xx drained",
    run(_, client) {
      client.request("/");
      client.server.abort();
    },
  },
  "a stop amid the answer": {
    told: "2xx drained",
    run(gateway, client) {
      client.request("/");
      gateway.backend().send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
      client.turn();
      client.server.abort();
      client.server.abort();
    },
  },
  "an upgrade that the backend refuses": {
    told: "4xx",
    run(gateway, client) {
      client.request("/", { upgrade: "websocket", fields: [["sec-websocket-version", "13"]], end: false });
      gateway.backend().send(response("403 Forbidden", ""));
    },
  },
};

for (const [what, { plan = {}, client: spec = {}, told, run }] of Object.entries(ENDINGS)) {
  test(`${what} is one request`, () => {
    const accessLog = { enabled: true, path: "/dev/null" };
    const gateway = new MemoryGateway({ ...plan, accessLog });
    const listener = new MemoryH3Listener(gateway);
    const client = new MemoryH3Client(gateway, { ...spec, listener });
    run(gateway, client);
    client.turn();
    if (spec.early === true) client.completeHandshake();
    const [[statusClass, count] = []] = Object.entries(gateway.finished);
    const faults = Object.keys(gateway.allFaults);
    assert.equal([statusClass, ...faults].join(" "), told);
    assert.equal(count, 1);
    assertCleanH3(gateway, client);
    assert.deepEqual(Object.values(gateway.finished), [1]);
    assert.equal(gateway.global("access_log_lines_total"), 1);
    assert.equal(gateway.global("h3_downstream_connections_total"), 1);
  });
}

test("a stream on which no head came is no request", () => {
  const gateway = new MemoryGateway({ accessLog: { enabled: true, path: "/dev/null" } });
  const client = new MemoryH3Client(gateway);
  client.raw(head().subarray(0, 10));
  client.link.reset(client.raw(head().subarray(0, 10)), H3Code.requestCancelled);
  client.turn();
  client.advance(6000);
  assert.deepEqual(gateway.finished, {});
  assertCleanH3(gateway, client);
  assert.equal(gateway.global("access_log_lines_total"), 0);
});
